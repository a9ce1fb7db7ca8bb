// Node's own cluster module with one worker: the primary accepts and hands connections over in turn (SCHED_RR, the default).
'use strict';

const cluster = require('cluster');

if (cluster.isPrimary) {
  cluster.fork();
} else {
  require('./app');
}
