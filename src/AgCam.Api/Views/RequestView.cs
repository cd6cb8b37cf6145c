using System.Text.Json.Serialization;

namespace AgCam.Api.Views;

[JsonConverter(typeof(JsonStringEnumConverter<RequestState>))]
internal enum RequestState
{
    /// <summary>Accepted and not leased by a worker yet.</summary>
    Queued,

    Running,
    Completed,
    Failed,
}

/// <summary>State of a request for one image.</summary>
/// <param name="Id">Id: follow the request at /v1/requests/{id}.</param>
/// <param name="Item">Item, once the state is Completed or Failed.</param>
/// <param name="Explanation">Explanation, once the state is Completed.</param>
internal sealed record RequestView(Guid Id, RequestState State, ItemView? Item = null, ExplanationView? Explanation = null);
