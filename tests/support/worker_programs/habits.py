"""Bad habits of workers that speak limpet's own contract. Each is given the channel, and most never end."""

PING, CONNECTION = 2, 1
READY, TAKEN, REFUSED, PONG, LIVE = 1, 2, 3, 4, 5
