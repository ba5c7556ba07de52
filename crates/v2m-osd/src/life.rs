//! The main loop: handles v2m's signals and the display's events until v2m is idle.

use crate::NO_DISPLAY;
use crate::appearance::Appearance;
use crate::bus::{Bus, BusError, News};
use crate::display::{Display, DisplayError};
use crate::draw;
use crate::face::{Face, Picture};
use crate::text::Writer;
use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use v2m_ipc::plain;
use v2m_messages::tr;

/// Why the program ends early.
#[derive(Debug, thiserror::Error)]
enum LifeError {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Display(#[from] DisplayError),
    #[error("{}", tr!("waiting for the display: {error}", error = .0))]
    Wait(#[from] std::io::Error),
}

impl LifeError {
    fn status(&self) -> ExitCode {
        match self {
            Self::Display(DisplayError::Absent(_) | DisplayError::NoLayers) => {
                ExitCode::from(NO_DISPLAY)
            }
            // Normal ends: the desktop has ended, or another program shows the states.
            Self::Display(DisplayError::Ended(_)) | Self::Bus(BusError::Taken) => ExitCode::SUCCESS,
            Self::Bus(BusError::Absent(_)) | Self::Wait(_) => ExitCode::FAILURE,
        }
    }
}

/// Shows v2m's states until v2m has been idle for long enough.
pub fn live(idle: Duration) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            plain::complain(format_args!("v2m-osd: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run(idle));
    // A thread that still reads fonts must not delay the end.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            plain::complain(format_args!("v2m-osd: {error}"));
            error.status()
        }
    }
}

struct Life {
    face: Face,
    display: Display,
    appearance: Appearance,
    /// Absent until the installed fonts are known.
    writer: Option<Writer>,
    seen: Option<Picture>,
}

async fn run(idle: Duration) -> Result<(), LifeError> {
    let mut fonts = Some(fonts());
    let display = Display::open()?;
    // Local displays have Unix sockets. Other displays are not usable here.
    let socket: std::os::unix::net::UnixStream = display.file().try_clone_to_owned()?.into();
    socket.set_nonblocking(true)?;
    let socket = UnixStream::from_std(socket)?;
    let mut bus = Bus::join().await?;
    let face = Face::new(Instant::now());
    let (appearance, writer) = (Appearance::default(), None);
    let mut life = Life { face, display, appearance, writer, seen: None };
    loop {
        let now = Instant::now();
        let over = life.face.over(idle).filter(|_| life.seen.is_none());
        if over.is_some_and(|over| over <= now) {
            bus.leave().await;
            return Ok(());
        }
        let due = [life.face.due(now), over].into_iter().flatten().min();
        tokio::select! {
            news = bus.next() => match news {
                News::End => return Ok(()),
                news => life.take(news, &bus),
            },
            () = readable(&socket) => {}
            writer = known(&mut fonts) => {
                (fonts, life.writer, life.seen) = (None, writer, None);
            }
            () = at(due) => {}
        }
        life.refresh()?;
    }
}

impl Life {
    fn take(&mut self, news: News, bus: &Bus) {
        let now = Instant::now();
        match news {
            News::Sign(sign) => {
                let was_recording = self.face.is_recording();
                self.face.tell(sign, now);
                if self.face.is_recording() && !was_recording {
                    bus.ask_beginning();
                }
            }
            News::Level(rms_dbfs) => self.face.hear(rms_dbfs),
            News::Began(ago) => self.face.began(ago, now),
            News::Appearance(appearance) => {
                self.face.moves = appearance.moves;
                if self.appearance != appearance {
                    (self.appearance, self.seen) = (appearance, None);
                }
            }
            News::LeftAlone => self.face.left_alone(now),
            News::End => {}
        }
    }

    /// Shows the current picture, if it has changed.
    fn refresh(&mut self) -> Result<(), DisplayError> {
        // Includes events that arrived during a request to the display.
        if self.display.attend()? {
            self.seen = None;
        }
        let Some(picture) = self.face.picture(Instant::now()) else {
            self.seen = None;
            return self.display.vanish();
        };
        if self.seen.as_ref() == Some(&picture) || !self.display.appear()? {
            return Ok(());
        }
        let scale = self.display.scale();
        let painted = draw::paint(&picture, self.appearance.is_dark, scale, self.writer.as_mut());
        if let Some(painted) = painted
            && self.display.show(&painted)?
        {
            self.seen = Some(picture);
        }
        Ok(())
    }
}

/// Reads the installed fonts in a thread. Until then, the sign is shown without words.
fn fonts() -> oneshot::Receiver<Writer> {
    let (reply, read) = oneshot::channel();
    let thread = std::thread::Builder::new().name("fonts".to_owned());
    // Without a thread there are no words.
    let _ = thread.spawn(move || drop(reply.send(Writer::new())));
    read
}

/// Waits until the fonts are known. `None` if they could not be read. Cancel-safe.
async fn known(fonts: &mut Option<oneshot::Receiver<Writer>>) -> Option<Writer> {
    match fonts {
        Some(fonts) => fonts.await.ok(),
        None => std::future::pending().await,
    }
}

/// Waits until the display has events. Cancel-safe.
async fn readable(socket: &UnixStream) {
    if socket.readable().await.is_ok() {
        // The display's own library reads them completely.
        let nothing = || Err::<(), _>(ErrorKind::WouldBlock.into());
        let _ = socket.try_io(Interest::READABLE, nothing);
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
