//! Wire types of the clients' socket: to be filled.
