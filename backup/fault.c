/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What goes wrong with a backup. Owns no state. */
#include "backup/fault.h"

#include <errno.h>

#include "backup/backup.h"

enum error backup_damaged(struct fault *fault, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, BACKUP_DAMAGED, detail, 0);
}

enum error backup_wrong_key(struct fault *fault, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, BACKUP_WRONG_KEY, detail, 0);
}

enum error backup_cannot_read(struct fault *fault)
{
    return fault_set(fault, ERR_CONFIG, BACKUP_FILE, "A file cannot be read.", errno);
}

enum error backup_cannot_write(struct fault *fault)
{
    return fault_set(fault, ERR_CONFIG, BACKUP_FILE, "A file cannot be written.", errno);
}

enum error backup_no_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
}
