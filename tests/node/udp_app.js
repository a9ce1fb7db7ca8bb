// A program that wants a UDP port beside its HTTP server. Prints "udp: bound" or "udp: CODE".
'use strict';
const dgram = require('dgram');
const http = require('http');

function bind(name, options) {
  const socket = dgram.createSocket('udp4');
  socket.on('error', (error) => console.log(`${name}: ${error.code}`));
  socket.unref();
  socket.bind({ address: '127.0.0.1', port: 0, ...options }, () => console.log(`${name}: bound`));
}

bind('shared', {});
bind('exclusive', { exclusive: true });
http.createServer((request, response) => response.end(`${process.env.LIMPET_SLOT}\n`)).listen(process.env.PORT, '127.0.0.1');
