/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The numbers of an account, by name. Pure constants. */
#include "journal/export_form.h"

#include <string.h>

#define NUMBER(name)                                 \
    {                                                \
#name, offsetof(struct export_account, name) \
    }

const struct export_number_form EXPORT_NUMBER_FORMS[EXPORT_NUMBERS] = {
    NUMBER(accepted),   NUMBER(revoked), NUMBER(scrap_allowance), NUMBER(scrap_drawn),
    NUMBER(granted),    NUMBER(charged), NUMBER(remaining),       NUMBER(licensed),
    NUMBER(succeeded),  NUMBER(proven),  NUMBER(failed),          NUMBER(scrapped),
    NUMBER(unreported),
};

int64_t export_number_get(const struct export_account *account, size_t i)
{
    int64_t number = 0;
    memcpy(&number, (const char *)account + EXPORT_NUMBER_FORMS[i].offset, sizeof number);
    return number;
}

void export_number_set(struct export_account *account, size_t i, int64_t number)
{
    memcpy((char *)account + EXPORT_NUMBER_FORMS[i].offset, &number, sizeof number);
}
