//! Where in time the sound of a container stands: by its time stamps, and by what an MP4 file's
//! edit list shows and hides.

use symphonia::core::formats::Track;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

/// Seconds of silence between two packets that are no gap: time stamps are rounded.
pub(super) const ROUNDING: f64 = 0.1;

/// The longest gap, in seconds, in a container that does not say how long it is. A longer one is a
/// wrong time stamp.
const LONGEST_GAP: f64 = 3600.0;

/// Tells where each packet stands, in seconds.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// `None`: its packets follow one another, whatever their time stamps say.
    stamps: Option<TimeBase>,
    /// Of the container's time: what is heard begins there. `None`: with its first packet.
    begin: Option<f64>,
    /// Whether a gap is sound that is lost, and not silence that was meant.
    is_gapless: bool,
    /// What an edit list shows, in order; empty: everything.
    shown: Vec<PlayedSpan>,
    /// Where an MP4 file's fragments stand.
    fragments: Fragments,
    /// Seconds that were heard before this stream, where several were joined to one file.
    origin: f64,
    length: Option<f64>,
}

/// A stretch of a track that is heard, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PlayedSpan {
    /// Of the track's time.
    pub(super) begin: f64,
    pub(super) end: f64,
    /// Of the time that is heard.
    pub(super) at: f64,
}

/// A fragment of an MP4 file's track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    /// How many packets of the track come before it.
    pub(super) first: u64,
    /// When it begins, in ticks of the track.
    pub(super) time: i64,
}

/// The fragments of a track, in the order of its packets. symphonia takes each for the continuation
/// of the one before.
#[derive(Clone, Debug, Default)]
pub(super) struct Fragments {
    list: Vec<Fragment>,
    /// Seconds of the file's time at which the first one of any track is to be heard.
    begin: f64,
    /// The next one to begin.
    next: usize,
    /// Packets so far.
    packets: u64,
    /// Ticks by which a packet stands later than symphonia says.
    shift: i64,
}

impl Fragments {
    pub(super) fn new(list: Vec<Fragment>, begin: f64) -> Self {
        Self { list, begin, ..Self::default() }
    }

    /// The next packet's time in ticks, `pts` being what symphonia says.
    fn time(&mut self, pts: i64, base: TimeBase) -> i64 {
        let mut begun = None;
        while let Some(next) = self.list.get(self.next).filter(|next| next.first <= self.packets) {
            begun = Some(next.time);
            self.next += 1;
        }
        if let Some(time) = begun {
            let shift = time.saturating_sub(pts);
            // One that would begin before the end of the one before is wrong.
            if seconds(base, shift.saturating_sub(self.shift)) > -ROUNDING {
                self.shift = shift;
            }
        }
        self.packets += 1;
        pts.saturating_add(self.shift)
    }
}

/// Where frames of a packet belong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    /// Frames at its beginning that do not belong there.
    pub(super) skip: usize,
    /// How many of the others do.
    pub(super) take: usize,
    /// Seconds of silence before them.
    pub(super) gap: f64,
}

impl Timeline {
    /// Of a track in a container of that form (symphonia's short name).
    pub(super) fn of(
        form: &str,
        track: &Track,
        shown: Vec<PlayedSpan>,
        fragments: Fragments,
    ) -> Self {
        let is_gapless = matches!(form, "flac" | "ogg");
        let placed = is_gapless || matches!(form, "matroska" | "mkv" | "isomp4");
        // An MP3 file's length is a guess where nothing says it.
        let base = track.time_base.filter(|_| form != "mp3");
        let whole = base.zip(track.duration).map(|(base, duration)| {
            seconds(base, i64::try_from(duration.get()).unwrap_or(i64::MAX))
        });
        // Of a file that is made of fragments the tables often say nothing, or less than there is.
        let told =
            fragments.list.last().zip(base).map_or(0.0, |(last, base)| seconds(base, last.time));
        let whole = whole.filter(|whole| *whole > told);
        let length = match shown.last() {
            Some(last) => whole.map(|whole| last.at + whole.min(last.end) - last.begin),
            None => whole,
        };
        Self {
            stamps: track.time_base.filter(|_| placed),
            // A Matroska file may be a part of a broadcast that began long before.
            begin: (form == "isomp4").then_some(0.0),
            is_gapless,
            shown,
            fragments,
            origin: 0.0,
            length,
        }
    }

    /// The same for a stream that follows others in its file, `heard` seconds after their
    /// beginning.
    pub(super) fn after(self, heard: f64) -> Self {
        Self { origin: heard, ..self }
    }

    /// The container has begun, with a packet of any of its tracks.
    pub(super) fn begun(&mut self, packet: &Packet, base: Option<TimeBase>) {
        let first = base.map_or(0.0, |base| seconds(base, packet.pts.get()));
        self.begin.get_or_insert(first);
    }

    /// When the next packet of the track begins, in seconds of the track's time. To be asked once
    /// of each.
    pub(super) fn time(&mut self, packet: &Packet) -> f64 {
        let Some(base) = self.stamps else { return 0.0 };
        seconds(base, self.fragments.time(packet.pts.get(), base))
    }

    /// Where the frames of a packet belong that begins at that time, `heard` seconds having been
    /// heard before it. A stretch for each that the edit list shows of it.
    pub(super) fn places(
        &self,
        at: f64,
        frames: usize,
        rate: u32,
        mut heard: f64,
    ) -> Vec<Placement> {
        if self.stamps.is_none() {
            return vec![Placement { skip: 0, take: frames, gap: 0.0 }];
        }
        let rate = f64::from(rate);
        let everything =
            [PlayedSpan { begin: self.begin.unwrap_or_default(), end: f64::INFINITY, at: 0.0 }];
        let shown = if self.shown.is_empty() { &everything[..] } else { &self.shown };
        // `as` saturates.
        let until = |time: f64| (((time - at) * rate).round().max(0.0) as usize).min(frames);
        let mut places = Vec::new();
        for stretch in shown {
            let (skip, end) = (until(stretch.begin), until(stretch.end));
            let take = end.saturating_sub(skip);
            if take == 0 {
                continue;
            }
            let shown = stretch.at + (at - stretch.begin).max(0.0);
            let wanted = self.origin + shown - self.fragments.begin;
            let gap = if wanted - heard > ROUNDING { wanted - heard } else { 0.0 };
            places.push(Placement { skip, take, gap });
            heard += gap + take as f64 / rate;
        }
        places
    }

    /// Whether a gap there is longer than the rest of the file.
    pub(super) fn is_wrong(&self, gap: f64, heard: f64) -> bool {
        let left = self.length.map(|length| (self.origin + length - heard).max(0.0) + 1.0);
        gap > left.unwrap_or(LONGEST_GAP)
    }

    /// Whether packets stand where their time stamps say.
    pub(super) fn is_placed(&self) -> bool {
        self.stamps.is_some()
    }

    /// Whether a gap is sound that is lost.
    pub(super) fn is_gapless(&self) -> bool {
        self.is_gapless
    }

    /// How long what is heard of the file is said to be at the end of this track.
    pub(super) fn length(&self) -> Option<f64> {
        self.length.map(|length| self.origin + length)
    }
}

/// So much time of the container's, in seconds.
pub(super) fn seconds(base: TimeBase, ticks: i64) -> f64 {
    ticks as f64 * f64::from(base.numer.get()) / f64::from(base.denom.get())
}
