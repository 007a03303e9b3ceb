"""Pure codecs of outside formats: bytes to structs and back, without input or output."""
