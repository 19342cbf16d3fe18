// Every design there is, for comparing them. In: nothing. Out: those of the server, and those that won no row.
#pragma once

#include "server/hub/designs.hpp"

namespace fanlight::server::hub::designs {

const Designs& all_designs();

}  // namespace fanlight::server::hub::designs
