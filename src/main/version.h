#ifndef LIMPET_MAIN_VERSION_H
#define LIMPET_MAIN_VERSION_H

/* The build says which version this is; a file compiled by hand belongs to none. */
#ifndef LIMPET_VERSION
#define LIMPET_VERSION "unreleased"
#endif

#endif
