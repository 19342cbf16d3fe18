# What every target of ours is built with, as two interface targets; nothing is set globally but the tools.
include(CTest)

find_program(FANLIGHT_CCACHE ccache)
if(FANLIGHT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without these words ccache takes no file that uses a precompiled header. It goes by the headers that the compiler
  # names, since preprocessing what it does not know yet takes a third of the time that compiling does.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1 ${FANLIGHT_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(FANLIGHT_MOLD mold)

option(FANLIGHT_TIDY "run clang-tidy-19 on every file that is compiled" OFF)
if(FANLIGHT_TIDY)
  find_program(FANLIGHT_CLANG_TIDY clang-tidy-19 REQUIRED)
  set(CMAKE_CXX_CLANG_TIDY ${FANLIGHT_CLANG_TIDY})
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)  # GCC's are not clang's
endif()

set(FANLIGHT_SANITIZE "" CACHE STRING "address or thread: build everything with that sanitizer")

# Frame pointers: our own stacks must be whole for our own profiler, and they cost 1-2 %.
add_library(fanlight_options INTERFACE)
add_library(fanlight::options ALIAS fanlight_options)
target_compile_features(fanlight_options INTERFACE cxx_std_23)
target_compile_options(fanlight_options INTERFACE -pthread -fno-omit-frame-pointer $<$<COMPILE_LANGUAGE:CXX>:-mno-omit-leaf-frame-pointer>)
target_include_directories(fanlight_options INTERFACE ${PROJECT_SOURCE_DIR})
if(FANLIGHT_MOLD)
  target_link_options(fanlight_options INTERFACE -fuse-ld=mold)
endif()
if(FANLIGHT_SANITIZE STREQUAL "address")
  target_compile_options(fanlight_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  target_link_options(fanlight_options INTERFACE -fsanitize=address,undefined)
elseif(FANLIGHT_SANITIZE STREQUAL "thread")
  target_compile_options(fanlight_options INTERFACE -fsanitize=thread -Wno-tsan)
  target_link_options(fanlight_options INTERFACE -fsanitize=thread)
elseif(FANLIGHT_SANITIZE)
  message(FATAL_ERROR "FANLIGHT_SANITIZE is '${FANLIGHT_SANITIZE}'; it takes 'address', 'thread' or nothing")
endif()

add_library(fanlight_warnings INTERFACE)
add_library(fanlight::warnings ALIAS fanlight_warnings)
target_compile_options(fanlight_warnings INTERFACE -Wall -Wextra -Werror -Wshadow -Wno-missing-field-initializers
  # GCC 12 at -O2 takes empty std::optional and std::variant members for uninitialised ones; -Og builds keep the warning.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:RelWithDebInfo>>:-Wno-maybe-uninitialized>)
