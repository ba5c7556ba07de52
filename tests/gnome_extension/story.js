// Tests which sign follows from v2m's messages. Prints `ok`, or fails.

import {Story, elapsed, endOfWords, share} from '../../gnome/story.js';

function equal(what, is, expected) {
    if (JSON.stringify(is) !== JSON.stringify(expected))
        throw new Error(`${what}: ${JSON.stringify(is)} instead of ${JSON.stringify(expected)}`);
}

function kind(story) {
    return story.view()?.kind ?? null;
}

// An older v2m sends no Sign.
let story = new Story();
for (const [state, shown] of [['recording', 'recording'], ['transcribing', 'transcribing'], ['processing', 'rewriting'],
    ['paused', null], ['recording', 'recording'], ['idle', null]]) {
    story.is(state);
    equal(state, kind(story), shown);
}

// State shows the beginning of a recording, and the signal Sign everything else.
story = new Story();
story.signed('idle', {});
story.is('recording');
equal('early', kind(story), 'recording');
story.signed('recording', {text: 'so far'});
equal('draft', story.view().text, 'so far');
story.is('transcribing');
equal('State comes first and is not believed', kind(story), 'recording');
story.signed('transcribing', {});
story.is('idle');
equal('nor here', kind(story), 'transcribing');
story.signed('delivered', {title: 'Pasted', then: 'idle'});
equal('outcome', kind(story), 'delivered');
story.signed('idle', {});
equal('idle does not cut it off', kind(story), 'delivered');
story.expire();
equal('over', kind(story), null);

// A key that bounced: only State reported it.
story.is('recording');
story.is('idle');
equal('bounced', kind(story), null);

// The next dictation begins before the outcome of the previous one arrives.
story.is('recording');
story.signed('delivered', {title: 'Pasted', then: 'idle'});
equal('both', [kind(story), story.view().note, story.view().outcome], ['recording', 'Pasted', 'delivered']);
story.expire();
story.signed('recording', {});
equal('the next one goes on', kind(story), 'recording');
equal('without the tick', story.view().note, undefined);
story.signed('problem', {title: 'No microphone', then: 'recording'});
equal('a problem is worth the whole sign', kind(story), 'problem');
story.expire();
equal('and then', kind(story), 'recording');

// A cancelled dictation is confirmed for a second. The state that follows does not cut it off, and
// the property State may come before or after.
story.is('idle');
story.signed('cancelled', {title: 'Cancelled', then: 'idle'});
story.signed('idle', {});
equal('cancelled', [kind(story), story.view().title, story.view().seconds], ['cancelled', 'Cancelled', 1]);
story.expire();
equal('and gone', kind(story), null);
story.signed('recording', {});

// A text that waits on the clipboard is forgotten when the next recording begins.
story.signed('waiting', {title: 'On the clipboard', place: 'clipboard', then: 'idle'});
story.expire();
equal('waiting', [kind(story), story.isWaiting], [null, true]);
story.signed('idle', {});
equal('still', story.isWaiting, true);
story.is('recording');
equal('no more', [kind(story), story.isWaiting], ['recording', false]);
story.signed('unheard of', {});
equal('what is not known changes nothing', kind(story), 'recording');
story.forget();
equal('v2m has gone', kind(story), null);

// A text that could not be put at the cursor waits too, but its mark is not shown for ever.
story.signed('problem', {title: 'Not pasted', place: 'clipboard', then: 'idle'});
equal('not pasted', [kind(story), story.isWaiting], ['problem', true]);
story.stopWaiting();
equal('for long enough', [kind(story), story.isWaiting], ['problem', false]);
story.signed('problem', {title: 'Nothing heard', then: 'idle'});
equal('nothing is there', story.isWaiting, false);

// v2m exits right after its last dictation: the outcome must stay readable.
story.signed('problem', {title: 'Not pasted', place: 'clipboard', then: 'transcribing'});
story.forget();
equal('its last words', [kind(story), story.isWaiting], ['problem', false]);
story.expire();
equal('and its state has gone', kind(story), null);

// A message to read stays longer than a tick, but not for ever.
story.signed('delivered', {title: 'Pasted'});
equal('tick', story.view().seconds, 1.5);
story.signed('problem', {title: 'A', body: 'x'.repeat(10000)});
equal('long', story.view().seconds, 15);

equal('elapsed', [elapsed(10, 9), elapsed(0, 7.9), elapsed(0, 754)], ['0:00', '0:07', '12:34']);
equal('share', [share(-120), share(-36), share(0)], [0, 0.5, 1]);

// A draft that is too long begins with a whole word, if its script has spaces.
const end = (text, columns) => endOfWords(text, part => part.length <= columns);
equal('it fits', end('one two three', 13), 'one two three');
equal('two words', end('one two three', 10), '…two three');
equal('one word', end('one two three', 9), '…three');
equal('cut off already', end('…años y  años', 12), '…y  años');
equal('no word fits', end('one two three', 5), 'one two three');
const chinese = '日本語'.repeat(20);
equal('no spaces', end(chinese, 10), chinese);
equal('hardly any', end(`${chinese} 日本`, 10), `${chinese} 日本`);
print('ok');
