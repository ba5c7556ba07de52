// What the sign shows, from what v2m tells. Pure: no bus, no clock, no screen.
//
// v2m tells in two ways. The property State is there first. The signal Sign is for the sign alone and
// tells more: outcomes, the draft of the text, and the sentences. Once it has come, State only shows the
// beginning of a recording earlier.

const STATES = ['idle', 'recording', 'transcribing', 'rewriting'];
const OUTCOMES = ['delivered', 'waiting', 'problem', 'recovered'];
const BY_PROPERTY = {recording: 'recording', transcribing: 'transcribing', processing: 'rewriting'};

export class Story {
    constructor() {
        this._outcome = null;
        this.forget();
    }

    // v2m has gone. What it told of its last dictation stays true until it expires.
    forget() {
        this._state = {kind: 'idle'};
        this._isSigned = false;
        // The recording is known from State alone.
        this._isEarly = false;
        // What was told of the text on the clipboard, until another recording follows. With v2m it goes from there.
        this._waiting = null;
    }

    // The property State.
    is(state) {
        const kind = BY_PROPERTY[state] ?? 'idle';
        const begins = kind === 'recording' && this._state.kind !== 'recording';
        if (!this._isSigned || begins || (this._isEarly && kind !== 'recording')) {
            this._isEarly = this._isSigned && kind === 'recording';
            this._go({kind});
        }
    }

    // The signal Sign. Kinds that are not known here change nothing.
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
        // A recording that has just begun may not be known to the outcome of the one before.
        if (then !== this._state.kind && !this._isEarly)
            this._go({kind: then});
        this._outcome = {...details, kind};
        // Also a text that could not be put at the cursor.
        if (details.place === 'clipboard')
            this._waiting = this._outcome;
    }

    // An outcome of what the menu did, which v2m does not tell.
    add(kind, details) {
        this._outcome = {...details, kind};
    }

    // The outcome that is shown, if any.
    get outcome() {
        return this._outcome;
    }

    // The outcome has been shown for long enough.
    expire() {
        this._outcome = null;
    }

    // What was told of the text that waits on the clipboard, if any.
    get waiting() {
        return this._waiting;
    }

    get isWaiting() {
        return this._waiting !== null;
    }

    // The user has been reminded of the text on the clipboard for long enough: another one may be there by now.
    stopWaiting() {
        this._waiting = null;
    }

    // What to show: `kind` and the details of the signal Sign; null for nothing. `note` is the title of an
    // outcome that is shown beside a recording, and `seconds` is how long until `expire`.
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

// A tick is short; what is to be read stays for as long as that takes, at about 15 characters a second.
function secondsFor({kind, title = '', body = '', hint = ''}) {
    if (kind === 'delivered' && !hint)
        return 1.5;
    return Math.min(15, 3 + (title.length + body.length + hint.length) / 15);
}

// 0:07, 12:34.
export function elapsed(since, now) {
    const seconds = Math.max(0, Math.floor(now - since));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

// A level in dB relative to full scale as a share of 0 to 1: from −60, a quiet room, to −12, loud speech.
export function share(rms) {
    return Math.min(1, Math.max(0, (rms + 60) / 48));
}
