// A Node program like any other, which knows nothing of workers: alone, or as a worker of limpet or of cluster.js.
// PORT in the environment says where it listens on 127.0.0.1.
'use strict';

const http = require('http');

const server = http.createServer(require('./answer'));
// Clients pause while it is somebody else's turn, for longer than the usual five seconds if need be.
server.keepAliveTimeout = 60000;
server.listen(Number(process.env.PORT), '127.0.0.1');
