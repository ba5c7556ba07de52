// The microphone in the panel, and its menu.

import Clutter from 'gi://Clutter';
import Pango from 'gi://Pango';
import St from 'gi://St';

import * as Main from 'resource:///org/gnome/shell/ui/main.js';
import * as PanelMenu from 'resource:///org/gnome/shell/ui/panelMenu.js';
import * as PopupMenu from 'resource:///org/gnome/shell/ui/popupMenu.js';
import {getMixerControl} from 'resource:///org/gnome/shell/ui/status/volume.js';

import {languages} from './languages.js';

const TEXTS = 8;

export class Indicator {
    // `actions` executes the menu's commands: toggle, cancel, deliver(id, way), change(setting,
    // value), openSettings and runDoctor. It also queries v2m: texts(count) and settings().
    constructor(uuid, name, gettext, actions) {
        this._gettext = gettext;
        this._name = name;
        this._actions = actions;
        this._button = new PanelMenu.Button(0.5, name);
        const box = new St.BoxLayout({style_class: 'panel-status-indicators-box'});
        this._icon = new St.Icon({name: 'v2m-panel-icon', style_class: 'system-status-icon'});
        this._waiting = new St.Icon({
            style_class: 'system-status-icon',
            icon_name: 'edit-paste-symbolic',
            visible: false,
        });
        box.add_child(this._icon);
        box.add_child(this._waiting);
        this._button.add_child(box);
        this._fillMenu();
        this._button.menu.connect('open-state-changed', (_menu, isOpen) => {
            if (isOpen)
                this._ask();
            else
                // Dictated texts are private: remove them when the menu closes.
                this._texts.menu.removeAll();
        });
        Main.panel.addToStatusArea(uuid, this._button);
    }

    destroy() {
        this._button.destroy();
        this._button = null;
    }

    // `state` is v2m's property State. `view` is the view that the sign shows. `isWaiting` is true
    // while a text is on the clipboard.
    show(state, view, isWaiting) {
        const _ = this._gettext;
        const isRecording = state === 'recording';
        const isUnderWay = isRecording || state === 'transcribing' || state === 'processing';
        this._icon.icon_name = icon(state, view);
        if (isRecording)
            this._icon.add_style_class_name('v2m-panel-recording');
        else
            this._icon.remove_style_class_name('v2m-panel-recording');
        this._waiting.visible = isWaiting;
        const words = {
            recording: _('Recording'),
            transcribing: _('Transcribing…'),
            processing: _('Rewriting…'),
            paused: _('Paused'),
        };
        const told = words[state] ?? (isWaiting ? _('A text is on the clipboard') : '');
        this._button.accessible_name = told ? `${this._name}: ${told}` : this._name;
        this._toggle.label.text = isRecording ? _('Stop Dictation') : _('Start Dictation');
        this._cancel.setSensitive(isUnderWay);
    }

    _fillMenu() {
        const _ = this._gettext;
        const {menu} = this._button;
        this._toggle = menu.addAction(_('Start Dictation'), () => this._actions.toggle());
        this._cancel = menu.addAction(_('Cancel'), () => this._actions.cancel());
        menu.addMenuItem(new PopupMenu.PopupSeparatorMenuItem());
        this._texts = submenu(menu, _('Recent Texts'));
        this._languages = submenu(menu, _('Language'));
        this._microphones = submenu(menu, _('Microphone'));
        menu.addMenuItem(new PopupMenu.PopupSeparatorMenuItem());
        menu.addAction(_('Edit Settings'), () => this._actions.openSettings());
        menu.addAction(_('Check v2m'), () => this._actions.runDoctor());
    }

    // Asks v2m for the content of the submenus.
    _ask() {
        for (const item of [this._texts, this._languages, this._microphones])
            item.setSensitive(false);
        // If v2m is not running, or is too old to answer, the submenus stay as they are.
        this._actions.texts(TEXTS).then(texts => this._showTexts(texts), () => {});
        this._actions.settings().then(settings => this._showSettings(settings), () => {});
    }

    _showTexts(texts) {
        if (!this._button?.menu.isOpen)
            return;
        this._texts.menu.removeAll();
        texts.forEach(text => this._texts.menu.addMenuItem(this._textItem(text)));
        this._texts.setSensitive(texts.length > 0);
    }

    // Returns the item of a text: a click copies the text, and a button beside it pastes it.
    _textItem({id, first_words: words}) {
        const _ = this._gettext;
        const item = new PopupMenu.PopupMenuItem(words);
        item.label.add_style_class_name('v2m-text');
        item.label.clutter_text.ellipsize = Pango.EllipsizeMode.END;
        item.label.x_expand = true;
        item.connect('activate', () => this._actions.deliver(id, 'clipboard'));
        item.accessible_name = _('Copy: %s').replace('%s', () => words);
        const paste = new St.Button({
            style_class: 'icon-button flat v2m-paste',
            icon_name: 'edit-paste-symbolic',
            accessible_name: _('Paste'),
            can_focus: true,
            y_align: Clutter.ActorAlign.CENTER,
        });
        paste.connect('clicked', () => {
            // Paste only after the menu has closed, when the window has the keyboard focus again.
            const {menu} = this._button;
            const closed = menu.connect('menu-closed', () => {
                menu.disconnect(closed);
                this._actions.deliver(id, 'paste');
            });
            menu.close();
        });
        item.add_child(paste);
        return item;
    }

    _showSettings({language, microphone}) {
        if (!this._button?.menu.isOpen)
            return;
        const _ = this._gettext;
        this._choices(this._languages, 'language', language, [
            ['auto', _('Detect Automatically')],
            ...languages(language),
        ]);
        const sources = getMixerControl().get_sources();
        const microphones = sources.map(source => [source.get_name(), source.get_description()]);
        // The chosen microphone is not connected now, or is one channel of another source.
        if (microphone && !microphones.some(([name]) => name === microphone))
            microphones.push([microphone, microphone]);
        this._choices(this._microphones, 'microphone', microphone, [
            ['', _('Default Microphone')],
            ...microphones,
        ]);
    }

    _choices(item, setting, chosen, choices) {
        item.menu.removeAll();
        for (const [value, name] of choices) {
            const choice = item.menu.addAction(name, () => this._actions.change(setting, value));
            choice.setOrnament(value === chosen ? PopupMenu.Ornament.DOT : PopupMenu.Ornament.NONE);
        }
        item.setSensitive(true);
    }
}

function submenu(menu, title) {
    const item = new PopupMenu.PopupSubMenuMenuItem(title);
    menu.addMenuItem(item);
    return item;
}

function icon(state, view) {
    if (state === 'paused')
        return 'microphone-disabled-symbolic';
    return view?.kind === 'problem' ? 'dialog-warning-symbolic' : 'audio-input-microphone-symbolic';
}
