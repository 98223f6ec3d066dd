//! The picture of a call: a lane for each listener, a strip in it for each voice, time from left to right.

use crate::{
    host::Entry,
    report::Heard,
    scenario::{MixedBy, Party, Scenario, TICKS},
    speech::{AUDIBLE, peak},
};
use plotters::{
    prelude::*,
    style::{
        FontStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};
use std::{fs, path::Path};

const WIDTH: i32 = 1600;
/// The names left of the lanes.
const LEFT: i32 = 290;
const RIGHT: i32 = 40;
const TOP: i32 = 96;
/// A line of command texts over the lanes.
const LABEL: i32 = 26;
/// One voice in one listener's lane.
const STRIP: i32 = 44;
const GAP: i32 = 18;
const BOTTOM: i32 = 96;

const INK: RGBColor = RGBColor(34, 34, 34);
const GREY: RGBColor = RGBColor(130, 130, 130);
const LANE: RGBColor = RGBColor(245, 246, 248);
const ABSENT: RGBColor = RGBColor(222, 224, 228);
/// Colours that people with any kind of colour vision tell apart.
const VOICES: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// Finds a typeface for the picture.
pub fn load_font(path: Option<&Path>) -> Result<(), String> {
    const INSTALLED: [&str; 3] = [
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
        "/usr/share/fonts/TTF/DejaVuSans.ttf",
    ];
    let found = path.or_else(|| INSTALLED.iter().map(Path::new).find(|path| path.exists())).ok_or(
        "no typeface for the picture: install DejaVu Sans (Debian: apt-get install fonts-dejavu-core), or name a .ttf \
         file with --font",
    )?;
    let bytes = fs::read(found).map_err(|e| format!("{}: {e}; --font needs a .ttf file", found.display()))?;
    plotters::style::register_font("sans-serif", FontStyle::Normal, bytes.leak())
        .map_err(|_| format!("{}: not a typeface; --font needs a .ttf file", found.display()))
}

/// How who heard whom was found where the call could be played again.
pub fn by_leaving_out(scenario: &Scenario) -> &'static str {
    match scenario.mixer {
        MixedBy::Host => "mixed by the host; found in the recordings, by leaving out one voice at a time",
        MixedBy::Engine => "mixed by the engine; found in the recordings, by leaving out one voice at a time",
    }
}

/// Draws the call. `how`: how it was mixed, and who heard whom found.
pub fn draw(path: &Path, scenario: &Scenario, heard: &Heard, log: &[Entry], how: &str) -> Result<(), String> {
    let labels = Labels::new(scenario, log);
    let lane = STRIP * (scenario.parties.len() as i32 - 1).max(1);
    let lanes = TOP + LABEL * labels.rows;
    let bottom = lanes + (lane + GAP) * scenario.parties.len() as i32;
    let area = BitMapBackend::new(path, (WIDTH as u32, (bottom + BOTTOM) as u32)).into_drawing_area();
    let picture = Picture { area: &area, scenario };
    let drawn = (|| {
        area.fill(&WHITE)?;
        picture.title(how)?;
        for (listener, party) in scenario.parties.iter().enumerate() {
            picture.lane(lanes + (lane + GAP) * listener as i32, listener, party, heard)?;
        }
        picture.axis(lanes, bottom)?;
        picture.commands(&labels, lanes, bottom)?;
        picture.legend(bottom + 58)?;
        area.present()
    })();
    drawn.map_err(|e| format!("{}: {e}", path.display()))
}

type Area<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>>;

struct Picture<'p, 'a> {
    area: &'p Area<'a>,
    scenario: &'p Scenario,
}

impl<'a> Picture<'_, 'a> {
    fn x(&self, tick: usize) -> i32 {
        x(self.scenario, tick)
    }

    fn text(&self, text: &str, at: (i32, i32), size: i32, color: RGBColor, align: HPos) -> Drawn<'a> {
        let style = ("sans-serif", size).into_text_style(self.area).color(&color).pos(Pos::new(align, VPos::Center));
        self.area.draw_text(text, &style, at)
    }

    fn fill(&self, from: (i32, i32), to: (i32, i32), color: RGBColor) -> Drawn<'a> {
        self.area.draw(&Rectangle::new([from, to], color.filled()))
    }

    fn title(&self, how: &str) -> Drawn<'a> {
        self.text(&format!("Who heard whom in room {}", self.scenario.room), (24, 34), 32, INK, HPos::Left)?;
        self.text(how, (24, 70), 19, GREY, HPos::Left)
    }

    /// All that one party heard.
    fn lane(&self, top: i32, listener: usize, party: &Party, heard: &Heard) -> Drawn<'a> {
        let voices: Vec<usize> = (0..self.scenario.parties.len()).filter(|&speaker| speaker != listener).collect();
        let bottom = top + STRIP * (voices.len() as i32).max(1);
        self.fill((24, top), (self.x(self.scenario.ticks), bottom), LANE)?;
        self.fill((24, top), (30, bottom), voice(listener))?;
        let middle = (top + bottom) / 2;
        self.text(&short(&party.name), (42, middle - 11), 22, INK, HPos::Left)?;
        let rate = format!("heard at {} kHz", f64::from(party.speech.rate) / 1000.0);
        self.text(&rate, (42, middle + 14), 14, GREY, HPos::Left)?;
        for (row, &speaker) in voices.iter().enumerate() {
            let centre = top + STRIP * row as i32 + STRIP / 2;
            let name = &self.scenario.parties[speaker].name;
            self.text(&short(name), (LEFT - 10, centre), 15, voice(speaker), HPos::Right)?;
            self.strip(centre, speaker, &heard[speaker][listener])?;
        }
        let leaves = party.leaves.unwrap_or(self.scenario.ticks);
        for (from, to) in [(0, party.joins), (leaves, self.scenario.ticks)] {
            if from < to {
                self.fill((self.x(from), top), (self.x(to), bottom), ABSENT)?;
                let at = ((self.x(from) + self.x(to)) / 2, middle);
                self.text("not in the call", at, 16, GREY, HPos::Center)?;
            }
        }
        Ok(())
    }

    /// One voice for one listener: pale what was said, full what was heard of it.
    fn strip(&self, centre: i32, speaker: usize, heard: &[u16]) -> Drawn<'a> {
        let speech = &self.scenario.parties[speaker].speech;
        let said: Vec<u16> = (0..self.scenario.ticks).map(|tick| peak(speech.frame(tick))).collect();
        self.wave(centre, &said, pale(voice(speaker)))?;
        self.wave(centre, heard, voice(speaker))
    }

    /// How loud a voice is, a column of pixels at a time.
    fn wave(&self, centre: i32, levels: &[u16], color: RGBColor) -> Drawn<'a> {
        let columns = WIDTH - LEFT - RIGHT;
        let tick = |column: i32| self.scenario.ticks * column as usize / columns as usize;
        for column in 0..columns {
            let from = tick(column);
            let loudest = levels[from..tick(column + 1).max(from + 1)].iter().max().copied().unwrap_or(0);
            if loudest > AUDIBLE {
                // The root shows soft speech too.
                let height = ((f64::from(loudest) / 20000.0).sqrt().min(1.0) * f64::from(STRIP - 6) / 2.0) as i32;
                let (top, bottom) = (centre - height, centre + height + 1);
                self.fill((LEFT + column, top), (LEFT + column + 1, bottom), color)?;
            }
        }
        Ok(())
    }

    fn axis(&self, top: i32, bottom: i32) -> Drawn<'a> {
        let step =
            [1, 2, 5, 10, 30, 60, 300].into_iter().find(|s| self.scenario.ticks / TICKS / s <= 20).unwrap_or(600);
        for tick in (0..=self.scenario.ticks).step_by(step * TICKS) {
            let line = PathElement::new([(self.x(tick), top), (self.x(tick), bottom - GAP + 6)], GREY.mix(0.25));
            self.area.draw(&line)?;
            self.text(&format!("{} s", tick / TICKS), (self.x(tick), bottom + 2), 15, INK, HPos::Center)?;
        }
        Ok(())
    }

    fn commands(&self, labels: &Labels, top: i32, bottom: i32) -> Drawn<'a> {
        for label in &labels.labels {
            let (x, y) = (self.x(label.tick), TOP + LABEL * label.row);
            let mut dash = y + 11;
            while dash < bottom - GAP {
                self.fill((x, dash), (x + 1, (dash + 4).min(bottom - GAP)), INK)?;
                dash += if dash < top { 5 } else { 8 };
            }
            self.fill((x, y - 10), (x + 3, y + 10), INK)?;
            self.text(&label.text, (x + 8, y), 15, INK, HPos::Left)?;
        }
        Ok(())
    }

    fn legend(&self, y: i32) -> Drawn<'a> {
        let mut x = LEFT;
        for (n, party) in self.scenario.parties.iter().enumerate() {
            self.fill((x, y - 8), (x + 26, y + 8), voice(n))?;
            self.text(&party.name, (x + 34, y), 16, INK, HPos::Left)?;
            x += 34 + width(&party.name, 16) + 34;
        }
        self.fill((x, y - 8), (x + 26, y + 8), ABSENT)?;
        for (n, _) in self.scenario.parties.iter().enumerate().take(4) {
            self.fill((x + 7 * n as i32, y - 8), (x + 7 * n as i32 + 5, y + 8), pale(voice(n)))?;
        }
        self.text("pale: said, not heard by this listener", (x + 36, y), 16, INK, HPos::Left)
    }
}

/// The texts of the commands: each below those that its line would cross.
struct Labels {
    labels: Vec<Label>,
    rows: i32,
}

struct Label {
    tick: usize,
    row: i32,
    end: i32,
    text: String,
}

impl Labels {
    fn new(scenario: &Scenario, log: &[Entry]) -> Self {
        let mut labels = Vec::<Label>::new();
        // The room is in the title.
        let room = format!(" {}", scenario.room);
        for entry in log.iter().filter(|entry| entry.reply.is_some()) {
            let text = entry.what.strip_prefix("coach ").unwrap_or(&entry.what).replacen(&room, "", 1);
            let start = x(scenario, entry.tick);
            let crossed = labels.iter().filter(|label| label.end > start).map(|label| label.row + 1);
            let row = crossed.max().unwrap_or(0);
            labels.push(Label { tick: entry.tick, row, end: start + 16 + width(&text, 15), text });
        }
        let rows = labels.iter().map(|label| label.row + 1).max().unwrap_or(0);
        Self { labels, rows }
    }
}

fn x(scenario: &Scenario, tick: usize) -> i32 {
    LEFT + ((WIDTH - LEFT - RIGHT) as usize * tick / scenario.ticks) as i32
}

/// A name that fits beside the lanes.
fn short(name: &str) -> String {
    const MOST: usize = 11;
    if name.chars().count() <= MOST { name.into() } else { name.chars().take(MOST - 1).collect::<String>() + "…" }
}

/// About how wide a text is.
fn width(text: &str, size: i32) -> i32 {
    let style = ("sans-serif", size).into_font();
    style.box_size(text).map_or(size * text.len() as i32 / 2, |(width, _)| width as i32)
}

fn voice(party: usize) -> RGBColor {
    VOICES[party % VOICES.len()]
}

fn pale(color: RGBColor) -> RGBColor {
    let mix = |part: u8| (f64::from(part) * 0.3 + 255.0 * 0.7) as u8;
    RGBColor(mix(color.0), mix(color.1), mix(color.2))
}
