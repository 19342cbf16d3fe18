#include "server/hub/designs.hpp"

#include "server/hub/steal_dispatch.hpp"

namespace fanlight::server::hub {

const Designs& hot_designs() {
  static const Designs designs = [] {
    Designs hot;
    hot.registries[static_cast<std::size_t>(RegistryKind::per_core)] = [](unsigned workers,
                                                                          unsigned) -> std::unique_ptr<AnyRegistry> {
      return std::make_unique<HeldRegistry<PerCoreRegistry>>(workers);
    };
    hot.dispatchers[static_cast<std::size_t>(DispatchKind::inline_)] = []() -> std::unique_ptr<AnyDispatch> {
      return std::make_unique<InlineDispatch>();
    };
    hot.dispatchers[static_cast<std::size_t>(DispatchKind::steal)] = []() -> std::unique_ptr<AnyDispatch> {
      return std::make_unique<StealDispatch>();
    };
    return hot;
  }();
  return designs;
}

}  // namespace fanlight::server::hub
