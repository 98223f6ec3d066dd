//! A network path that loses and reorders packets.

/// What packets go through.
pub struct Loss {
    /// One packet in so many is lost, the one after it changes places with the next. 0: none.
    one_in: u64,
    count: u64,
    late: Option<Vec<u8>>,
}

impl Loss {
    pub fn of(one_in: u64) -> Self {
        Self { one_in, count: 0, late: None }
    }

    /// What comes out when this packet goes in.
    pub fn pass(&mut self, packet: Vec<u8>) -> impl Iterator<Item = Vec<u8>> {
        let place = self.count.checked_rem(self.one_in);
        self.count += 1;
        let (now, late) = match place {
            Some(0) => (None, None),
            Some(1) => {
                self.late = Some(packet);
                (None, None)
            }
            _ => (Some(packet), self.late.take()),
        };
        now.into_iter().chain(late)
    }
}
