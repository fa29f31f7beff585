/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Parts of a license request. Owns no state. */
#include "cli/license_request.h"

#include <string.h>

json_t *license_context(const struct arguments *arguments)
{
    static const struct {
        const char *member;
        enum option_id option;
    } rows[] = {{"lot", OPTION_LOT},
                {"line", OPTION_LINE},
                {"work_order", OPTION_WORK_ORDER},
                {"operator", OPTION_OPERATOR},
                {"socket", OPTION_SOCKET_NAME}};
    json_t *context = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *value = arguments_get(arguments, rows[i].option);
        if (value != NULL &&
            json_object_set_new(context, rows[i].member, json_string(value)) != 0) {
            json_decref(context);
            return NULL;
        }
    }
    return context;
}

/* "latest", or a digest in the API's form. */
enum error license_check_image(const struct arguments *arguments, struct failure *failure)
{
    struct sha256 digest;
    const char *image = arguments_get_or(arguments, OPTION_IMAGE, "latest");
    if (strcmp(image, "latest") == 0 || image_reference_parse(image, &digest))
        return ERR_OK;
    return failure_set_usage(failure, "--image wants latest, or sha256: and 64 digits");
}

enum error license_check_answer(const char *image, const struct answer_license *license,
                                struct failure *failure)
{
    struct sha256 asked;
    if (image_reference_parse(image, &asked) && !sha256_equal(&asked, &license->image))
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The server answered with a license for another image");
    return ERR_OK;
}
