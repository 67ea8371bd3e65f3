// Command probe is a Windows program that does with hcsshim what it reads from
// its standard input: one JSON request per line, one JSON reply per line, each
// request in a goroutine of its own so that a call that hangs holds back no
// other. The tests of package wine use it to hold the stand-in against what is
// known of the real service. It decides nothing.
package main
