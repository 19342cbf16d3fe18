// The function bodies of Asio and Beast, once for all rooms that link them.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
