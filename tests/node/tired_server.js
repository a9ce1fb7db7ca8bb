// usage: tired_server.js PORT SECONDS: counts the bytes of each body, and ends a connection that has rested so long.
'use strict';
const http = require('http');

const [port, seconds] = process.argv.slice(2).map(Number);
const server = http.createServer((request, response) => {
  let length = 0;
  request.on('data', (piece) => { length += piece.length; });
  request.on('end', () => response.end(String(length)));
});
server.keepAliveTimeout = seconds * 1000;
server.listen(port, '127.0.0.1');
