// Sends each connection that it gets to its parent, as a program does that is used to be forked by another; then answers.
'use strict';
const http = require('http');

http.createServer((request, response) => {
  process.send({ cmd: 'take this', big: 'x'.repeat(request.url === '/big' ? 1 << 20 : 10) }, request.socket, { keepOpen: true },
    (error) => response.end(error ? String(error) : 'sent'));
}).listen(Number(process.env.PORT), '127.0.0.1');
