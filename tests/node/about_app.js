// Answers with what this process was given: variables, folder, user, limits. Says something on both its outputs.
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');
const http = require('http');

function limits() {
  const lines = fs.readFileSync('/proc/self/limits', 'latin1').split('\n').slice(1, -1);
  return Object.fromEntries(lines.map((line) => [line.slice(0, 26).trim(), line.slice(26).trim().split(/ +/)[0]]));
}

const optionsOfChild = () => execFileSync(process.execPath, ['-p', 'String(process.env.NODE_OPTIONS)']).toString().trim();

process.stdout.write(`${process.env.LIMPET_SLOT} says \x1b[1mh\u00e9llo\x1b[0m\n`);
process.stderr.write('and something\nelse');

http.createServer((request, response) => {
  response.end(JSON.stringify({
    environment: process.env, directory: process.cwd(), user: process.getuid(), groups: process.getgroups(), limits: limits(),
    optionsOfChild: request.url === '/child' ? optionsOfChild() : null,
  }));
}).listen(process.env.PORT, '127.0.0.1');
