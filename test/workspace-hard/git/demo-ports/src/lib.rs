/// The vendor that USB gives to test devices.
pub const VENDOR: u16 = 0x1209;
