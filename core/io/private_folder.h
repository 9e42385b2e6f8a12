/* A folder that is one user's alone, wherever it is: also below one that everybody may write to, as /tmp is. */
#ifndef TG_IO_PRIVATE_FOLDER_H
#define TG_IO_PRIVATE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the folder (0700) where there is none and `make` says so, for as long as it is a good one, and looks at what there is, whoever made it: a folder
   itself and no link to one, of this process's user, which nobody else may enter, in a folder whose entries nobody else
   but root may replace. `path` ends in no slash, behind which a link would be followed. NULL where all that is so; else a sentence about it, in `text` or static. */
const char *tg_private_folder_check(const char *path, bool make, char *text, size_t size);

#endif
