// As in the README of sticky-session.
'use strict';
const http = require('http');
const sticky = require('sticky-session');

const server = http.createServer((request, response) => response.end(`${process.env.LIMPET_SLOT}\n`));

if (!sticky.listen(server, process.env.PORT)) {
  server.once('listening', () => console.log('Master listening'));
}
