package quartet.standin;

import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.wire.MongoDatabaseHandler;
import de.bwaldvogel.mongo.wire.MongoExceptionHandler;
import de.bwaldvogel.mongo.wire.MongoWireMessageEncoder;
import de.bwaldvogel.mongo.wire.MongoWireProtocolHandler;
import de.bwaldvogel.mongo.wire.MongoWireReplyEncoder;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultEventExecutor;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetSocketAddress;

/**
 * Listens on every address of the container.
 *
 * <p>The library's own server answers many connections on one thread; a getMore that waits for a change would
 * stall them all, so that here each connection has a thread of its own.
 */
final class WireServer implements AutoCloseable {
    private static final int EVENT_LOOPS = 2;

    private final EventLoopGroup loops =
            new MultiThreadIoEventLoopGroup(EVENT_LOOPS, NioIoHandler.newFactory());
    private final ChannelGroup clients = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    private final Channel listening;

    /**
     * @param port 0 for any that is free
     */
    WireServer(MongoBackend backend, int port) throws InterruptedException {
        ServerBootstrap bootstrap = new ServerBootstrap();
        bootstrap
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(
                        new ChannelInitializer<SocketChannel>() {
                            @Override
                            protected void initChannel(SocketChannel client) {
                                serve(client, backend);
                            }
                        });
        listening = bootstrap.bind(new InetSocketAddress(port)).sync().channel();
    }

    private void serve(SocketChannel client, MongoBackend backend) {
        DefaultEventExecutor thread = new DefaultEventExecutor();
        client.closeFuture().addListener(closed -> thread.shutdownGracefully());
        client.pipeline()
                .addLast(new MongoWireReplyEncoder())
                .addLast(new MongoWireMessageEncoder())
                .addLast(new MongoWireProtocolHandler());
        onThread(client, thread, new MongoDatabaseHandler(backend, clients));
        onThread(client, thread, new MongoExceptionHandler());
    }

    // Netty 4.2 would rather have handlers that never block. Those of the library do.
    @SuppressWarnings("deprecation")
    private static void onThread(SocketChannel client, DefaultEventExecutor thread, ChannelHandler handler) {
        client.pipeline().addLast(thread, handler);
    }

    int port() {
        return ((InetSocketAddress) listening.localAddress()).getPort();
    }

    void awaitClose() throws InterruptedException {
        listening.closeFuture().sync();
    }

    @Override
    public void close() {
        listening.close().syncUninterruptibly();
        clients.close().syncUninterruptibly();
        loops.shutdownGracefully();
    }
}
