// Prints the paths of the modules that can be parsed. What they import may be missing here.

import {programArgs} from 'system';

for (const path of programArgs) {
    try {
        // Imports are looked for once a module has been parsed.
        await import(`file://${path}`);
    } catch (error) {
        if (error instanceof SyntaxError)
            throw error;
    }
    print(path);
}
