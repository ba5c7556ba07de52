//! Places a container's sound in time, according to its time stamps and an MP4 file's edit list.

use symphonia::core::formats::Track;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

/// Silence between two packets up to this many seconds is not a gap, because time stamps are
/// rounded.
pub(super) const ROUNDING: f64 = 0.1;

/// The longest gap, in seconds, in a container that does not give its length. A longer gap means a
/// wrong time stamp.
const LONGEST_GAP: f64 = 3600.0;

/// Computes the place of each packet, in seconds.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// The base of the time stamps. `None`: the packets follow one another, and their time stamps
    /// are ignored.
    stamps: Option<TimeBase>,
    /// The container's time at which the audible sound begins. `None`: the time of its first
    /// packet.
    begin: Option<f64>,
    /// Whether a gap means lost sound, and not intended silence.
    is_gapless: bool,
    /// The spans that an edit list shows, in order. Empty: everything.
    shown: Vec<PlayedSpan>,
    /// The places of an MP4 file's fragments.
    fragments: Fragments,
    /// How many seconds of sound come before this stream, if several streams were joined to one
    /// file.
    origin: f64,
    length: Option<f64>,
}

/// A span of a track that is played, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PlayedSpan {
    /// Its start in the track's time.
    pub(super) begin: f64,
    pub(super) end: f64,
    /// Its start in the output.
    pub(super) at: f64,
}

/// A fragment of an MP4 file's track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    /// How many packets of the track come before it.
    pub(super) first: u64,
    /// When it begins, in the track's ticks.
    pub(super) time: i64,
}

/// The fragments of a track, in the order of its packets. symphonia assumes that each continues the
/// one before.
#[derive(Clone, Debug, Default)]
pub(super) struct Fragments {
    list: Vec<Fragment>,
    /// The presentation time of the first fragment of any track, in seconds.
    begin: f64,
    /// The index of the next fragment.
    next: usize,
    /// The number of packets so far.
    packets: u64,
    /// How many ticks later a packet is than symphonia says.
    shift: i64,
}

impl Fragments {
    pub(super) fn new(list: Vec<Fragment>, begin: f64) -> Self {
        Self { list, begin, ..Self::default() }
    }

    /// Returns the next packet's time in ticks. `pts` is symphonia's time for it.
    fn time(&mut self, pts: i64, base: TimeBase) -> i64 {
        let mut begun = None;
        while let Some(next) = self.list.get(self.next).filter(|next| next.first <= self.packets) {
            begun = Some(next.time);
            self.next += 1;
        }
        if let Some(time) = begun {
            let shift = time.saturating_sub(pts);
            // A fragment that would begin before the end of the one before has a wrong time.
            if seconds(base, shift.saturating_sub(self.shift)) > -ROUNDING {
                self.shift = shift;
            }
        }
        self.packets += 1;
        pts.saturating_add(self.shift)
    }
}

/// The place of some frames of a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    /// How many frames at the packet's beginning do not belong there.
    pub(super) skip: usize,
    /// How many of the following frames belong there.
    pub(super) take: usize,
    /// How many seconds of silence come before them.
    pub(super) gap: f64,
}

impl Timeline {
    /// Makes the timeline of a track in a container of this format (symphonia's short name).
    pub(super) fn of(
        form: &str,
        track: &Track,
        shown: Vec<PlayedSpan>,
        fragments: Fragments,
    ) -> Self {
        let is_gapless = matches!(form, "flac" | "ogg");
        let placed = is_gapless || matches!(form, "matroska" | "mkv" | "isomp4");
        // An MP3 file's length is a guess unless the file gives it.
        let base = track.time_base.filter(|_| form != "mp3");
        let whole = base.zip(track.duration).map(|(base, duration)| {
            seconds(base, i64::try_from(duration.get()).unwrap_or(i64::MAX))
        });
        // If a file consists of fragments, its tables often give no length, or one that is too
        // short.
        let told =
            fragments.list.last().zip(base).map_or(0.0, |(last, base)| seconds(base, last.time));
        let whole = whole.filter(|whole| *whole > told);
        let length = match shown.last() {
            Some(last) => whole.map(|whole| last.at + whole.min(last.end) - last.begin),
            None => whole,
        };
        Self {
            stamps: track.time_base.filter(|_| placed),
            // A Matroska file may be part of a broadcast that began long before.
            begin: (form == "isomp4").then_some(0.0),
            is_gapless,
            shown,
            fragments,
            origin: 0.0,
            length,
        }
    }

    /// Makes the timeline of a stream that follows others in its file, after `heard` seconds of
    /// their sound.
    pub(super) fn after(self, heard: f64) -> Self {
        Self { origin: heard, ..self }
    }

    /// Notes the container's first packet, of any of its tracks.
    pub(super) fn begun(&mut self, packet: &Packet, base: Option<TimeBase>) {
        let first = base.map_or(0.0, |base| seconds(base, packet.pts.get()));
        self.begin.get_or_insert(first);
    }

    /// Returns when the track's next packet begins, in seconds of the track's time. Call it once
    /// for each packet.
    pub(super) fn time(&mut self, packet: &Packet) -> f64 {
        let Some(base) = self.stamps else { return 0.0 };
        seconds(base, self.fragments.time(packet.pts.get(), base))
    }

    /// Returns the places of a packet's frames. The packet begins at `at`, and `heard` seconds of
    /// sound come before it. There is one place for each span of it that the edit list shows.
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

    /// Whether a gap here is longer than the rest of the file.
    pub(super) fn is_wrong(&self, gap: f64, heard: f64) -> bool {
        let left = self.length.map(|length| (self.origin + length - heard).max(0.0) + 1.0);
        gap > left.unwrap_or(LONGEST_GAP)
    }

    /// Whether packets are placed by their time stamps.
    pub(super) fn is_placed(&self) -> bool {
        self.stamps.is_some()
    }

    /// Whether a gap means lost sound.
    pub(super) fn is_gapless(&self) -> bool {
        self.is_gapless
    }

    /// Returns the declared length of the file's sound up to the end of this track, in seconds.
    pub(super) fn length(&self) -> Option<f64> {
        self.length.map(|length| self.origin + length)
    }
}

/// Converts ticks of the container's time to seconds.
pub(super) fn seconds(base: TimeBase, ticks: i64) -> f64 {
    ticks as f64 * f64::from(base.numer.get()) / f64::from(base.denom.get())
}
