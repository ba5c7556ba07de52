// The level of the sound, as five bars.

import Clutter from 'gi://Clutter';
import St from 'gi://St';

import {share} from './story.js';

const BARS = 5;
// Height of a bar at silence, as a share of full height: it looks like a dot.
const LOWEST = 0.15;
const DIM = 90;
// Heights are rounded to tenths: smaller steps are invisible, and each change causes a redraw.
const STEPS = 10;

export class Level {
    constructor() {
        this.actor = new St.BoxLayout({style_class: 'v2m-level', y_align: Clutter.ActorAlign.CENTER});
        this._bars = Array.from({length: BARS}, () => new St.Widget({
            style_class: 'v2m-bar',
            y_align: Clutter.ActorAlign.CENTER,
        }));
        for (const bar of this._bars) {
            bar.set_pivot_point(0.5, 0.5);
            this.actor.add_child(bar);
        }
        this.clear(true);
    }

    // Resets all bars to silence, for a new recording.
    clear(withMotion) {
        this._heard = Array(BARS).fill(0);
        this._show(withMotion);
    }

    // Shows a level in dB relative to full scale. With motion, the bars show the last levels, the
    // newest at the end. Without, the bars keep their height, and light up as far as the level
    // reaches.
    push(rms, withMotion) {
        this._heard.push(share(rms));
        this._heard.shift();
        this._show(withMotion);
    }

    _show(withMotion) {
        const now = this._heard.at(-1);
        this._bars.forEach((bar, index) => {
            const height = withMotion ? Math.round((LOWEST + (1 - LOWEST) * this._heard[index]) * STEPS) / STEPS : 1;
            const opacity = withMotion || now * BARS > index ? 255 : DIM;
            if (bar.scale_y !== height)
                bar.scale_y = height;
            if (bar.opacity !== opacity)
                bar.opacity = opacity;
        });
    }
}
