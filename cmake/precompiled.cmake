# fanlight_precompile(TARGET HEADERS_OF [HEADER...]): compiles TARGET with the headers of HEADERS_OF, which nearly every
# file includes, read once; they take half the time of a build of everything otherwise. Every file still includes what it
# uses: presets other than `release`, and clang-tidy, build without. TARGET must be compiled with the same options that
# change code; where it is not, HEADERS_OF is TARGET itself and the headers are named.
function(fanlight_precompile target headers_of)
  if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
    return()
  endif()
  if(headers_of STREQUAL target)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${headers_of})
  endif()
  # In what was precompiled GCC 12 no longer knows system headers as such, and tells of their false alarms.
  target_compile_options(
    ${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds -Wno-restrict -Wno-stringop-overflow
                      -Wno-stringop-overread -Wno-nonnull -Wno-free-nonheap-object>)
endfunction()

file(WRITE ${PROJECT_BINARY_DIR}/precompiled.cpp "")
add_library(fanlight_standard_headers OBJECT ${PROJECT_BINARY_DIR}/precompiled.cpp)
target_link_libraries(fanlight_standard_headers PRIVATE fanlight::options)
target_precompile_headers(
  fanlight_standard_headers PRIVATE <algorithm> <array> <chrono> <expected> <filesystem> <fstream> <functional> <map>
  <memory> <optional> <set> <span> <sstream> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>)
