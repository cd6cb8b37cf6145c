namespace AgCam.Pipeline.Bus;

/// <summary>One try at getting a message to the broker; <see cref="BrokerBus"/> tries again.</summary>
internal interface IBrokerTransport
{
    /// <summary>When it returns, the broker has confirmed the message.</summary>
    /// <param name="id">The message's id, the same in every try.</param>
    /// <param name="mandatory">Whether a message that no queue takes is an error.</param>
    /// <exception cref="TimeoutException">No confirm within <see cref="PipelineOptions.ConfirmSeconds"/>. It may have arrived.</exception>
    Task SendAsync<T>(string exchange, T message, Guid id, bool mandatory, CancellationToken cancellationToken)
        where T : class;
}
