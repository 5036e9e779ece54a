# embed.cmake - writes playbooks/*.lua as C tables: cmake -DOUT=file.c -DFILES="a.lua;b.lua" -P embed.cmake
# Bytes, not string literals: C promises no more than 4095 characters of those.
set(code "/* Made from the folder playbooks by embed.cmake. */\n#include \"playbook/builtin.h\"\n\n")
set(rows "")
set(count 0)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n    " hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND code "static const unsigned char TEXT_${count}[] = {\n    ${bytes}0x00};\n\n")
  string(APPEND rows
    "    {\"${name}\", (const char *)TEXT_${count}, sizeof TEXT_${count} - 1},\n")
  math(EXPR count "${count} + 1")
endforeach()
string(APPEND code "const struct fb_builtin FB_BUILTINS[] = {\n${rows}};\n")
string(APPEND code "const size_t FB_BUILTIN_COUNT = sizeof FB_BUILTINS / sizeof *FB_BUILTINS;\n")
file(WRITE "${OUT}" "${code}")
