#ifndef LIMPET_CLI_VERSION_H
#define LIMPET_CLI_VERSION_H

/* The build says which version this is; a file compiled by hand belongs to none. */
#ifndef LIMPET_VERSION
#define LIMPET_VERSION "unreleased"
#endif

/* Of the last change of the manual's words. Not the day of the build: the same source makes the same pages. */
#define LIMPET_MANUAL_DATE "2026-11-23"

#endif
