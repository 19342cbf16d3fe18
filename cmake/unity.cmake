# In `release` eight files of a target are compiled as one: most of a build's time goes into reading the same headers.
# fanlight_alone(FILE...): these use a name within their own unnamed namespace that another file of the target uses too.
function(fanlight_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

if(CMAKE_UNITY_BUILD)
  # GCC takes what a file keeps to itself for what a header would give to many.
  target_compile_options(fanlight_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
endif()
