//! A real SIP phone on the loopback interface: Debian's baresip, which says what a WAV file holds and records what it hears.

use super::{judge::Recording, ports, process::Process};
use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// A call that a phone makes.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Whom it calls: a SIP address.
    pub uri: &'a str,
    /// What it says: a WAV file of 16-bit samples, one channel, that goes on for as long as the call does.
    pub says: &'a Path,
    /// Its one codec, as baresip has it: `PCMU/8000/1`, `PCMA/8000/1`, `G722/16000/1`, `L16/16000/1`, `opus/48000/2`.
    pub codec: &'a str,
    /// Milliseconds in a packet.
    pub packet_ms: u32,
}

/// A phone in a call. It hangs up with this value.
pub struct Phone {
    process: Process,
    control: TcpStream,
    folder: PathBuf,
}

impl Phone {
    /// Calls, and returns when the other side has answered. The phone's files go to `folder`.
    pub fn call(folder: &Path, call: Call<'_>) -> io::Result<Self> {
        Self::call_with(folder, call, "")
    }

    /// The same, with no jitter buffer: that of baresip takes what comes from a switch that was started anew for late, as the numbers of
    /// the packets begin anew.
    pub fn call_without_jitter_buffer(folder: &Path, call: Call<'_>) -> io::Result<Self> {
        Self::call_with(folder, call, "jitter_buffer_delay 0-0\n")
    }

    fn call_with(folder: &Path, call: Call<'_>, more: &str) -> io::Result<Self> {
        let mut phone = Self::start(folder, call, 0, "", more)?;
        phone.command("dial", call.uri)?;
        phone.wait_for("Call established")?;
        Ok(phone)
    }

    /// Answers who calls `sip:phone@127.0.0.1:<port>`. Returns before anybody does.
    pub fn that_answers(folder: &Path, port: u16, call: Call<'_>) -> io::Result<Self> {
        Self::start(folder, call, port, ";answermode=auto", "")
    }

    /// Waits until somebody has called whom it has answered.
    pub fn has_answered(&mut self) -> io::Result<()> {
        self.wait_for("Call established")
    }

    fn start(folder: &Path, call: Call<'_>, port: u16, account: &str, more: &str) -> io::Result<Self> {
        fs::remove_dir_all(folder).ok();
        fs::create_dir_all(folder)?;
        let control = ports::free()?;
        fs::write(folder.join("config"), config(folder, call, control, port)? + more)?;
        let (codec, packet_ms) = (call.codec, call.packet_ms);
        let account = format!("<sip:phone@127.0.0.1>;regint=0;audio_codecs={codec};ptime={packet_ms}{account}\n");
        fs::write(folder.join("accounts"), account)?;
        fs::write(folder.join("contacts"), "")?;
        let process = Process::start(Command::new("baresip").arg("-f").arg(folder), &folder.join("log"))?;
        Ok(Self { process, control: connect(control)?, folder: folder.to_owned() })
    }

    /// Says what another file holds, of the same rate, from its beginning.
    pub fn say(&mut self, file: &Path) -> io::Result<()> {
        self.command("ausrc", &format!("aufile,{}", file.display()))
    }

    /// The digits that it has been sent by now, once there are so many.
    pub fn digits(&mut self, count: usize) -> io::Result<String> {
        let (mut told, mut part) = (Vec::new(), [0; 4096]);
        let end = Instant::now() + Duration::from_secs(60);
        self.control.set_read_timeout(Some(Duration::from_millis(50)))?;
        loop {
            match self.control.read(&mut part) {
                Ok(length) => told.extend(&part[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            // Events, one after the other; the digit is a late member of each.
            let events = String::from_utf8_lossy(&told);
            let digit = |event: &str| event.split_once(r#""param":""#)?.1.chars().next();
            let digits: String = events.split(r#""CALL_DTMF_START""#).skip(1).filter_map(digit).collect();
            if digits.len() >= count {
                return Ok(digits);
            }
            if Instant::now() > end {
                return Err(io::Error::other(format!("the phone was sent {digits:?}, by these events:\n{events}")));
            }
        }
    }

    /// Presses digits, as its owner does.
    pub fn press(&mut self, digits: &str) -> io::Result<()> {
        self.command("sndcode", digits)
    }

    /// How much it has heard by now, in seconds.
    pub fn clock(&self) -> io::Result<f64> {
        let file = self.recording()?;
        let spec = hound::WavReader::open(&file).map_err(io::Error::other)?.spec();
        let samples = fs::metadata(&file)?.len().saturating_sub(44) as f64 / 2.0;
        Ok(samples / f64::from(spec.channels) / f64::from(spec.sample_rate))
    }

    /// What it has heard by now. The file's own header says how long it is only when the phone has hung up.
    pub fn heard(&self) -> io::Result<Recording> {
        let file = self.recording()?;
        let spec = hound::WavReader::open(&file).map_err(io::Error::other)?.spec();
        let bytes = fs::read(&file)?;
        let samples = bytes.get(44..).unwrap_or_default().chunks_exact(2 * usize::from(spec.channels));
        let samples = samples.map(|sample| i16::from_le_bytes([sample[0], sample[1]])).collect();
        Ok(Recording { rate: spec.sample_rate, samples })
    }

    /// The file in which it writes down what it hears.
    fn recording(&self) -> io::Result<PathBuf> {
        let files = fs::read_dir(&self.folder)?.collect::<io::Result<Vec<_>>>()?;
        let mut heard =
            files.iter().map(fs::DirEntry::path).filter(|path| path.to_string_lossy().ends_with("-dec.wav"));
        heard.next().ok_or_else(|| io::Error::other("the phone has recorded nothing"))
    }

    /// Puts the other side on hold.
    pub fn hold(&mut self) -> io::Result<()> {
        self.command("hold", "")
    }

    /// Takes it back.
    pub fn resume(&mut self) -> io::Result<()> {
        self.command("resume", "")
    }

    /// Hangs up. What it heard: all of it.
    pub fn hang_up(mut self) -> io::Result<Recording> {
        self.process.stop(Duration::from_secs(10))?;
        Recording::read(self.recording()?).map_err(io::Error::other)
    }

    /// Sends a command: JSON with its length in front.
    fn command(&mut self, command: &str, parameters: &str) -> io::Result<()> {
        let json = format!(r#"{{"command":"{command}","params":"{parameters}"}}"#);
        write!(self.control, "{}:{json},", json.len())
    }

    /// Waits until the phone has said something, in its log.
    fn wait_for(&mut self, what: &str) -> io::Result<()> {
        let end = Instant::now() + Duration::from_secs(60);
        let log = self.folder.join("log");
        loop {
            let said = fs::read_to_string(&log)?;
            if said.contains(what) {
                return Ok(());
            }
            if Instant::now() > end || self.process.try_wait()?.is_some() {
                return Err(io::Error::other(format!("the phone did not say {what:?}, but:\n{said}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn config(folder: &Path, call: Call<'_>, control: u16, port: u16) -> io::Result<String> {
    let says = hound::WavReader::open(call.says).map_err(io::Error::other)?.spec();
    let (folder, file, rate) = (folder.display(), call.says.display(), says.sample_rate);
    // The player is a bridge that nobody listens at: what is heard is recorded on the way there.
    Ok(format!(
        "net_interface 127.0.0.1\nsip_listen 127.0.0.1:{port}\nctrl_tcp_listen 127.0.0.1:{control}\n\
         audio_source aufile,{file}\nausrc_srate {rate}\nausrc_channels 1\naudio_player aubridge,nobody\n\
         audio_alert aubridge,alert\nsnd_path {folder}\nrtp_stats no\n\
         module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule g722.so\nmodule l16.so\nmodule opus.so\n\
         module aufile.so\nmodule aubridge.so\nmodule sndfile.so\nmodule_tmp uuid.so\nmodule_app account.so\n\
         module_app menu.so\nmodule_app ctrl_tcp.so\n"
    ))
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            connected => return connected,
        }
    }
}
