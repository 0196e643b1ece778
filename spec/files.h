/* files.h - from the files to one merged tree of long forms (spec, private). */
#ifndef SPEC_FILES_H
#define SPEC_FILES_H

#include "spec/load.h"

/* Reads, parses, interpolates, checks and merges all files of the load; settles the project's name
 * on the way. Returns NULL when nothing usable came out; the reasons are in the diagnostics. */
struct wc_node *wc_files_load(struct wc_load *load);

#endif
