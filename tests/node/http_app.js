// A program as anybody writes it. It tells its slot, by which a test knows its workers; at /facts, what has arrived.
'use strict';
const http = require('http');
const { createHash } = require('crypto');

function facts(request, response) {
  const hash = createHash('sha256');
  const { remoteAddress, remoteFamily, remotePort, encrypted } = request.socket;
  let length = 0;
  request.on('data', (piece) => {
    hash.update(piece);
    length += piece.length;
  });
  request.on('end', () => response.end(JSON.stringify({
    slot: process.env.LIMPET_SLOT, length, digest: hash.digest('hex'), headers: request.headers,
    remoteAddress, remoteFamily, remotePort, encrypted,
  })));
}

const server = http.createServer((request, response) => {
  if (request.url === '/facts') facts(request, response);
  else response.end(`${process.env.LIMPET_SLOT}\n`);
});
server.keepAliveTimeout = 30000;
server.listen(process.env.PORT, '127.0.0.1');
