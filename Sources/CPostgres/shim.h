// libpq. Debian keeps its headers in a folder of their own; no pkg-config is needed to find them.

#pragma once

#if __has_include(<libpq-fe.h>)
#include <libpq-fe.h>
#else
#include <postgresql/libpq-fe.h>
#endif
