// Prints the paths of the modules that can be parsed. Their imports may be missing here.

import {programArgs} from 'system';

for (const path of programArgs) {
    try {
        // Imports are resolved only after the module has been parsed.
        await import(`file://${path}`);
    } catch (error) {
        if (error instanceof SyntaxError)
            throw error;
    }
    print(path);
}
