// The npm module sticky-session with one worker, as its page shows it.
'use strict';

const http = require('http');
const sticky = require('sticky-session');

const server = http.createServer(require('./answer'));
sticky.listen(server, Number(process.env.PORT), { workers: 1 });
