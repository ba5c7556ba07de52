//! Framing of the clients' socket (see the protocol): to be filled.
