// Derives the sign's content from v2m's messages. Pure: no bus, no clock, no screen.
//
// v2m reports in two ways. The property State changes first. The signal Sign exists only for the
// sign and has more detail: outcomes, the draft of the text, and sentences. Once a Sign has
// arrived, State is only used to show the beginning of a recording earlier.

const STATES = ['idle', 'recording', 'transcribing', 'rewriting'];
const OUTCOMES = ['delivered', 'waiting', 'problem', 'recovered', 'cancelled'];
const BY_PROPERTY = {recording: 'recording', transcribing: 'transcribing', processing: 'rewriting'};

export class Story {
    constructor() {
        this._outcome = null;
        this.forget();
    }

    // v2m has exited. The outcome of its last dictation stays until it expires.
    forget() {
        this._state = {kind: 'idle'};
        this._isSigned = false;
        // Whether only State has reported the current recording, and no Sign yet.
        this._isEarly = false;
        // The outcome whose text is on the clipboard, until the next recording begins. When v2m
        // exits, the clipboard loses the text.
        this._waiting = null;
    }

    // Applies a new value of the property State.
    is(state) {
        const kind = BY_PROPERTY[state] ?? 'idle';
        const begins = kind === 'recording' && this._state.kind !== 'recording';
        if (!this._isSigned || begins || (this._isEarly && kind !== 'recording')) {
            this._isEarly = this._isSigned && kind === 'recording';
            this._go({kind});
        }
    }

    // Applies a signal Sign. Ignores unknown kinds.
    signed(kind, details) {
        const isOutcome = OUTCOMES.includes(kind);
        if (!isOutcome && !STATES.includes(kind))
            return;
        this._isSigned = true;
        if (!isOutcome) {
            this._isEarly = false;
            this._go({...details, kind});
            return;
        }
        const then = STATES.includes(details.then) ? details.then : 'idle';
        // If a recording has just begun, `then` of the previous dictation's outcome may be out of
        // date.
        if (then !== this._state.kind && !this._isEarly)
            this._go({kind: then});
        this._outcome = {...details, kind};
        // This includes a text that could not be put at the cursor.
        if (details.place === 'clipboard')
            this._waiting = this._outcome;
    }

    // Adds the outcome of a menu command, which v2m does not report.
    add(kind, details) {
        this._outcome = {...details, kind};
    }

    // The outcome that is shown, or null.
    get outcome() {
        return this._outcome;
    }

    // Removes the outcome after it was shown for long enough.
    expire() {
        this._outcome = null;
    }

    // The outcome whose text is on the clipboard, or null.
    get waiting() {
        return this._waiting;
    }

    get isWaiting() {
        return this._waiting !== null;
    }

    // Ends the reminder of the text on the clipboard, because another text may be there by now.
    stopWaiting() {
        this._waiting = null;
    }

    // Returns the view to show: `kind` and the details of the signal Sign; null for nothing. `note`
    // is the title of an outcome that is shown beside a recording. `seconds` is the time until
    // `expire`.
    view() {
        const {_state: state, _outcome: outcome} = this;
        if (!outcome)
            return state.kind === 'idle' ? null : state;
        const seconds = secondsFor(outcome);
        if (state.kind === 'recording' && outcome.kind !== 'problem')
            return {...state, note: outcome.title ?? '', outcome: outcome.kind, seconds};
        return {...outcome, seconds};
    }

    _go(state) {
        if (state.kind === 'recording' && this._state.kind !== 'recording') {
            this._outcome = null;
            this._waiting = null;
        }
        this._state = state;
    }
}

// Returns how long an outcome is shown, in seconds: briefly if it only confirms, otherwise 3
// seconds plus the time to read it at 15 characters a second, at most 15 seconds.
function secondsFor({kind, title = '', body = '', hint = ''}) {
    if (kind === 'cancelled')
        return 1;
    if (kind === 'delivered' && !hint)
        return 1.5;
    return Math.min(15, 3 + (title.length + body.length + hint.length) / 15);
}

// Formats the time since `since`: 0:07, 12:34.
export function elapsed(since, now) {
    const seconds = Math.max(0, Math.floor(now - since));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

// Maps a level in dB relative to full scale to 0…1: from −60 (a quiet room) to −12 (loud speech).
export function share(rms) {
    return Math.min(1, Math.max(0, (rms + 60) / 48));
}

// The longest word that is left out whole, in characters. Longer ones are cut: Chinese and Thai
// write whole sentences without a space.
const LONGEST_WORD = 30;

// Returns the longest end of a draft that fits after an ellipsis and begins with a whole word.
// Returns the whole draft if it fits, or if it must be cut within a word. `fits(text)` measures.
export function endOfWords(text, fits) {
    if (fits(text))
        return text;
    const starts = Array.from(text.matchAll(/\s(?=\S)/g), ({index}) => index + 1);
    // Each end is shorter than the one before it: find the first that fits.
    let [first, after] = [0, starts.length];
    while (first < after) {
        const middle = (first + after) >> 1;
        if (fits(`…${text.slice(starts[middle])}`))
            after = middle;
        else
            first = middle + 1;
    }
    if (first === starts.length)
        return text;
    const leftOut = text.slice(first > 0 ? starts[first - 1] : 0, starts[first]).trimEnd();
    return leftOut.length > LONGEST_WORD ? text : `…${text.slice(starts[first])}`;
}
