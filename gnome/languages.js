// The languages in the menu: the most widely spoken ones that Whisper supports.

import GLib from 'gi://GLib';

const CODES = ['ar', 'ca', 'cs', 'da', 'de', 'el', 'en', 'es', 'fi', 'fr', 'he', 'hi', 'hu', 'id', 'it', 'ja', 'ko', 'nl', 'no',
    'pl', 'pt', 'ro', 'ru', 'sv', 'tr', 'uk', 'vi', 'zh'];

// Returns [code, name] pairs, sorted by name, with names in the language of the session.
// `configured` is always included.
export function languages(configured) {
    const locales = GLib.get_language_names()
        .map(name => name.split('.')[0].replace('_', '-'))
        .filter(name => /^[a-z]{2,3}(-[A-Z]{2})?$/.test(name));
    const names = new Intl.DisplayNames([...locales, 'en'], {type: 'language'});
    const codes = configured === 'auto' || CODES.includes(configured) ? CODES : [...CODES, configured];
    const named = codes.map(code => [code, /^[a-z]{2,3}$/.test(code) ? names.of(code) : code]);
    return named.sort(([, a], [, b]) => a.localeCompare(b));
}
