/* completion.c - `firebreak completion`: shell completion, written from the table that the parser
 * reads, so that the two cannot disagree. */
#include <string.h>

#include "doors.h"

static bool is_folder(const struct fb_option_row *row) { return strcmp(row->value, "DIR") == 0; }

static bool is_file(const struct fb_option_row *row) { return strcmp(row->value, "FILE") == 0; }

/* ---- bash ---- */

static void bash_values(void)
{
    puts("    case $previous in");
    for (size_t i = 0; i < fb_option_row_count; i++) {
        const struct fb_option_row *row = &fb_option_rows[i];

        if (!*row->value)
            continue;
        if (*row->words)
            printf("    --%s) words='%s' ;;\n", row->name, row->words);
        else if (is_file(row) || is_folder(row))
            printf("    --%s) mapfile -t COMPREPLY < <(compgen -%c -- \"$word\"); return ;;\n",
                   row->name, is_folder(row) ? 'd' : 'f');
        else
            printf("    --%s) return ;;\n", row->name);
    }
    puts("    esac");
}

static void bash_commands(void)
{
    puts("    [ -n \"$words\" ] || case $command in");
    printf("    '') words='");
    for (size_t i = 0; i < fb_command_count; i++)
        printf("%s ", fb_commands[i].name);
    puts("--help --version' ;;");
    for (size_t i = 0; i < fb_command_count; i++) {
        const struct fb_command *c = &fb_commands[i];

        printf("    %s)\n        words='%s", c->name, c->words);
        for (size_t r = 0; r < fb_option_row_count; r++) {
            if (strchr(c->options, fb_option_rows[r].letter))
                printf(" --%s", fb_option_rows[r].name);
        }
        puts(" --help'");
        if (c->paths)
            puts("        [[ $word == -* ]] || "
                 "{ mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return; }");
        puts("        ;;");
    }
    puts("    esac");
}

/* bash cuts "--mode=x" into three words, so the one before "=" counts. */
static int bash(void)
{
    puts("# bash completion for firebreak\n"
         "_firebreak()\n"
         "{\n"
         "    local word=$2 previous=$3 words='' command=''\n"
         "    COMPREPLY=()\n"
         "    [[ $word == '=' ]] && word=''\n"
         "    [[ $previous == '=' ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
         "    [ \"$COMP_CWORD\" -gt 1 ] && command=${COMP_WORDS[1]}");
    bash_values();
    bash_commands();
    puts("    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
         "    [[ ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null\n"
         "    return 0\n"
         "}\n"
         "complete -o filenames -F _firebreak firebreak");
    return FB_EXIT_DONE;
}

/* ---- zsh ---- */

/* A colon ends a field of _arguments. */
static void zsh_words(const char *words)
{
    for (; *words; words++)
        printf(*words == ':' ? "\\%c" : "%c", *words);
}

static void zsh_option(const struct fb_option_row *row)
{
    printf("            '--%s[%s]", row->name, row->help);
    if (*row->words) {
        printf(":%s:(", row->value);
        zsh_words(row->words);
        putchar(')');
    } else if (*row->value) {
        printf(":%s:%s", row->value, is_folder(row) ? "_files -/" : is_file(row) ? "_files" : " ");
    }
    puts("' \\");
}

static int zsh(void)
{
    puts("#compdef firebreak\n"
         "_firebreak()\n"
         "{\n"
         "    local -a commands=(");
    for (size_t i = 0; i < fb_command_count; i++)
        printf("        '%s:%s'\n", fb_commands[i].name, fb_commands[i].summary);
    puts("    )\n"
         "    if (( CURRENT == 2 )); then\n"
         "        _describe command commands\n"
         "        return\n"
         "    fi\n"
         "    case $words[2] in");
    for (size_t i = 0; i < fb_command_count; i++) {
        const struct fb_command *c = &fb_commands[i];

        printf("    %s)\n        shift words; (( CURRENT-- ))\n        _arguments \\\n", c->name);
        for (size_t r = 0; r < fb_option_row_count; r++) {
            if (strchr(c->options, fb_option_rows[r].letter))
                zsh_option(&fb_option_rows[r]);
        }
        if (c->paths)
            puts("            '*:path:_files' \\");
        else if (*c->words)
            printf("            '1:what:(%s)' \\\n", c->words);
        puts("            '--help[more of this command]'\n        ;;");
    }
    puts("    esac\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _firebreak ]; then\n"
         "    _firebreak \"$@\"\n"
         "else\n"
         "    compdef _firebreak firebreak\n"
         "fi");
    return FB_EXIT_DONE;
}

/* ---- fish ---- */

static void fish_option(const struct fb_command *c, const struct fb_option_row *row)
{
    printf("complete -c firebreak -n '__fish_seen_subcommand_from %s' -l %s", c->name, row->name);
    if (*row->words)
        printf(" -x -a '%s'", row->words);
    else if (is_folder(row))
        printf(" -x -a '(__fish_complete_directories)'");
    else if (*row->value)
        printf(is_file(row) ? " -r -F" : " -x");
    printf(" -d '%s'\n", row->help);
}

static int fish(void)
{
    puts("complete -c firebreak -f");
    for (size_t i = 0; i < fb_command_count; i++) {
        const struct fb_command *c = &fb_commands[i];

        printf("complete -c firebreak -n __fish_use_subcommand -a %s -d '%s'\n", c->name,
               c->summary);
        for (size_t r = 0; r < fb_option_row_count; r++) {
            if (strchr(c->options, fb_option_rows[r].letter))
                fish_option(c, &fb_option_rows[r]);
        }
        if (c->paths)
            printf("complete -c firebreak -n '__fish_seen_subcommand_from %s' -F\n", c->name);
        else if (*c->words)
            printf("complete -c firebreak -n '__fish_seen_subcommand_from %s' -a '%s'\n", c->name,
                   c->words);
    }
    return FB_EXIT_DONE;
}

int fb_door_completion(const struct fb_options *o)
{
    const char *shell = o->args[0];

    if (strcmp(shell, "bash") == 0)
        return bash();
    if (strcmp(shell, "zsh") == 0)
        return zsh();
    if (strcmp(shell, "fish") == 0)
        return fish();
    fprintf(stderr, "firebreak completion: knows bash, zsh and fish, no \"%s\"\n", shell);
    return FB_EXIT_USAGE;
}
