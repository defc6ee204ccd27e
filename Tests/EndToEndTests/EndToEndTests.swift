// The suite over all suites that run the program: one after the other, since each has the machine.

import TestSupport
import Testing

@Suite(.serialized, .inTurn) struct EndToEndTests {}
