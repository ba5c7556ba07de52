// The panel's text for a Dictation.

const BARS = '▁▂▃▄▅▆▇█';
const SIGNS = {transcribing: '…', processing: '…', paused: '⏸'};

export function words(dictation) {
    const seconds = dictation.elapsed();
    if (seconds === null)
        return SIGNS[dictation.state] ?? '🎙';
    // From −60 dBFS (a quiet room) to −12 dBFS (loud speech).
    const share = Math.min(1, Math.max(0, (dictation.level + 60) / 48));
    const bar = BARS[Math.round(share * (BARS.length - 1))];
    return `● ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} ${bar}`;
}
