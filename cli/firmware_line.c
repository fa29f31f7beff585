/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A firmware as the line of a command names it. Owns no state. */
#include "cli/firmware_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"
#include "license/license.h"

#define FORMAT_CMS    "cms"
#define FORMAT_ST_SFI "st-sfi"

const char *firmware_line_format(const struct arguments *arguments)
{
    return arguments_get_or(arguments, OPTION_FORMAT, FORMAT_CMS);
}

static enum error get_address(const struct arguments *arguments, enum option_id option,
                              const char *name, uint64_t *ret_address, struct failure *failure)
{
    const char *text = arguments_get(arguments, option);
    if (text == NULL || text_parse_address(text, ret_address))
        return ERR_OK;
    return failure_set_usage(failure, "%s wants an address: 0x and hex digits, as 0x08000000",
                             name);
}

static enum error check_format(const struct arguments *arguments, struct failure *failure)
{
    const bool is_packed = strcmp(firmware_line_format(arguments), FORMAT_ST_SFI) == 0;
    const bool is_described = arguments_has(arguments, OPTION_OPTION_BYTES) ||
                              arguments_has(arguments, OPTION_ADDRESS) ||
                              arguments_has(arguments, OPTION_EXTERNAL_FROM);
    if (license_profile_find(firmware_line_format(arguments)) == NULL)
        return failure_set_usage(failure, "--format is cms, suit, mcuboot, jwe, esp-rsa or st-sfi");
    if (!is_packed && is_described)
        return failure_set_usage(failure, "--option-bytes, --address and --external-from belong to "
                                          "--format st-sfi");
    if (is_packed && !arguments_has(arguments, OPTION_OPTION_BYTES))
        return failure_set_usage(failure, "--format st-sfi wants --option-bytes FILE as well");
    return ERR_OK;
}

static enum error read_source(const struct arguments *arguments, struct firmware_source *ret_source,
                              struct failure *failure)
{
    struct firmware_source source = {.path = arguments->operands[0],
                                     .option_bytes = arguments_get(arguments, OPTION_OPTION_BYTES),
                                     .is_flat = arguments_has(arguments, OPTION_ADDRESS),
                                     .external_from = UINT64_MAX};
    enum error e = check_format(arguments, failure);
    if (e == ERR_OK)
        e = get_address(arguments, OPTION_ADDRESS, "--address", &source.address, failure);
    if (e == ERR_OK)
        e = get_address(arguments, OPTION_EXTERNAL_FROM, "--external-from", &source.external_from,
                        failure);
    if (e == ERR_OK)
        *ret_source = source;
    return e;
}

/* On standard error: a wrong address is to be seen before a chip gets the image. */
static void print_summary(const struct firmware_summary *summary)
{
    size_t shown =
        summary->range_count < FIRMWARE_RANGES_SHOWN ? summary->range_count : FIRMWARE_RANGES_SHOWN;
    (void)fprintf(stderr, "Packed %zu areas: %" PRIu64 " bytes at", summary->areas, summary->bytes);
    for (size_t i = 0; i < shown; i++) {
        const struct firmware_range *range = &summary->ranges[i];
        (void)fprintf(stderr, "%s 0x%08" PRIx64 " to 0x%08" PRIx64 "%s", i > 0 ? "," : "",
                      range->address, range->address + range->length - 1,
                      range->is_external ? " (external)" : "");
    }
    if (shown < summary->range_count)
        (void)fprintf(stderr, " and in %zu more places", summary->range_count - shown);
    (void)fprintf(stderr, ", and %zu option bytes.\n", summary->option_bytes);
}

static enum error open_file(const struct firmware_source *source, struct firmware_file *ret_file,
                            struct failure *failure)
{
    struct firmware_summary summary;
    if (source->option_bytes == NULL)
        return firmware_open(source->path, ret_file, failure);
    enum error e = firmware_pack(source, ret_file, &summary, failure);
    if (e == ERR_OK)
        print_summary(&summary);
    return e;
}

enum error firmware_line_open(const struct arguments *arguments, struct firmware_file *ret_file,
                              struct failure *failure)
{
    struct firmware_source source;
    enum error e = read_source(arguments, &source, failure);
    return e == ERR_OK ? open_file(&source, ret_file, failure) : e;
}
