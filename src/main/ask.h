#ifndef LIMPET_MAIN_ASK_H
#define LIMPET_MAIN_ASK_H

#include "cli/ask.h"

#endif
