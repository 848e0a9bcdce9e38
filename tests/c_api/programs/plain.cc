// The headers and libraries in a C++ program: callbacks that are lambdas, handles that are objects.
#include <evs.h>
#include <saAmf.h>
#include <saCkpt.h>
#include <saClm.h>
#include <saEvt.h>

#include <string>
#include <vector>

#include "check.h"

namespace {

// A handle of any service, finalized at the end of its scope.
template <typename Finalize>
class Scoped {
public:
    explicit Scoped(Finalize finalize) : finalize_(finalize) {}
    Scoped(const Scoped &) = delete;
    Scoped &operator=(const Scoped &) = delete;
    ~Scoped() { GIVES(SA_AIS_OK, finalize_(handle)); }

    SaUint64T handle = 0;

private:
    Finalize finalize_;
};

SaNameT name_of(const std::string &text)
{
    SaNameT name{};
    name.length = static_cast<SaUint16T>(text.copy(reinterpret_cast<char *>(name.value), SA_MAX_NAME_LENGTH));
    return name;
}

std::vector<std::string> heard;

void members()
{
    SaVersionT version = {'B', 1, 1};
    Scoped clm(saClmFinalize);
    SaClmClusterNodeT node;
    RETRIED(saClmInitialize(&clm.handle, nullptr, &version));
    RETRIED(saClmClusterNodeGet(clm.handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node));
}

void checkpoints()
{
    SaVersionT version = {'B', 2, 2};
    Scoped ckpt(saCkptFinalize);
    SaCkptCheckpointHandleT checkpoint;
    SaCkptCheckpointCreationAttributesT attributes = {SA_CKPT_WR_ALL_REPLICAS, 100, 0, 1, 100, 10};
    std::string text = "from C++";
    SaCkptIOVectorElementT element = {SA_CKPT_DEFAULT_SECTION_ID, &text[0], text.size(), 0, 0};
    SaCkptIOVectorElementT whole = {SA_CKPT_DEFAULT_SECTION_ID, nullptr, 0, 0, 0};
    const SaNameT name = name_of("C++");

    RETRIED(saCkptInitialize(&ckpt.handle, nullptr, &version));
    RETRIED(saCkptCheckpointOpen(ckpt.handle, &name, &attributes, 7, SA_TIME_ONE_MINUTE, &checkpoint));
    RETRIED(saCkptCheckpointWrite(checkpoint, &element, 1, nullptr));
    RETRIED(saCkptCheckpointRead(checkpoint, &whole, 1, nullptr));
    CHECK(std::string(static_cast<char *>(whole.dataBuffer), whole.readSize) == text);
    GIVES(SA_AIS_OK, saCkptIOVectorElementDataFree(checkpoint, whole.dataBuffer));
    RETRIED(saCkptCheckpointUnlink(ckpt.handle, &name));
}

void events()
{
    SaVersionT version = {'B', 3, 1};
    Scoped evt(saEvtFinalize);
    SaEvtCallbacksT callbacks = {nullptr, [](SaEvtSubscriptionIdT, SaEvtEventHandleT event, SaSizeT size) {
                                     std::string data(size, '\0');
                                     GIVES(SA_AIS_OK, saEvtEventDataGet(event, &data[0], &size));
                                     GIVES(SA_AIS_OK, saEvtEventFree(event));
                                     heard.push_back(data);
                                 }};
    SaEvtEventFilterT all = {SA_EVT_PASS_ALL_FILTER, {0, 0, nullptr}};
    SaEvtEventFilterArrayT filters = {1, &all};
    SaEvtChannelHandleT channel;
    SaEvtEventHandleT event;
    SaEvtEventIdT id;
    const SaNameT name = name_of("C++");

    RETRIED(saEvtInitialize(&evt.handle, &callbacks, &version));
    RETRIED(saEvtChannelOpen(evt.handle, &name, 7, SA_TIME_ONE_MINUTE, &channel));
    RETRIED(saEvtEventSubscribe(channel, &filters, 1));
    RETRIED(saEvtEventAllocate(channel, &event));
    RETRIED(saEvtEventPublish(event, "event", 5, &id));
    while (heard.empty())
        GIVES(SA_AIS_OK, saEvtDispatch(evt.handle, SA_DISPATCH_ONE));
    CHECK(heard.back() == "event");
}

void groups()
{
    evs_handle_t evs;
    evs_callbacks_t callbacks = {[](in_addr, void *message, int length) {
                                     heard.emplace_back(static_cast<char *>(message), static_cast<size_t>(length));
                                 },
                                 nullptr};
    evs_group group = {"C++"};
    char text[] = "message";
    iovec vector = {text, 7};

    RETRIED(evs_initialize(&evs, &callbacks));
    RETRIED(evs_join(evs, &group, 1));
    RETRIED(evs_mcast_joined(evs, EVS_TYPE_AGREED, &vector, 1));
    while (heard.back() != "message")
        GIVES(EVS_OK, evs_dispatch(evs, EVS_DISPATCH_ONE));
    GIVES(EVS_OK, evs_finalize(evs));
}

}  // namespace

int main()
{
    SaVersionT version = {'B', 4, 1};
    Scoped amf(saAmfFinalize);

    members();
    checkpoints();
    events();
    groups();
    RETRIED(saAmfInitialize_4(&amf.handle, nullptr, &version));
    puts("done");
    return 0;
}
