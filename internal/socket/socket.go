// Package socket opens the local sockets of a state folder: those of the
// daemon and of the keeper. On Unix NAME is <state-dir>/NAME.sock with mode
// 0600, on Windows a named pipe that only administrators and the system may
// open. It never listens on a network.
package socket
