package quartet.standin;

import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.bson.BsonDecoder;
import de.bwaldvogel.mongo.wire.bson.BsonEncoder;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.Map;

/** Asks the server on this machine for hello, and prints what a probe wants to know; exits 1 if nobody answers. */
public final class AskHello {
    private static final int OP_MSG = 2013;
    private static final int HEADER_BYTES = 16;
    private static final int TIMEOUT_MILLISECONDS = 2000;

    private AskHello() {}

    public static void main(String[] arguments) {
        int port = Integer.parseInt(System.getenv().getOrDefault("STANDIN_PORT", "27017"));
        try {
            Document hello = ask(port);
            for (String field : new String[] {"isWritablePrimary", "setName", "me", "standin"}) {
                System.out.println(field + "=" + hello.get(field));
            }
        } catch (IOException nobody) {
            System.out.println("no answer on port " + port + ": " + nobody.getMessage());
            System.exit(1);
        }
    }

    static Document ask(int port) throws IOException {
        try (Socket socket = new Socket()) {
            socket.setSoTimeout(TIMEOUT_MILLISECONDS);
            socket.connect(new InetSocketAddress("127.0.0.1", port), TIMEOUT_MILLISECONDS);
            socket.getOutputStream().write(question());
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] rest = new byte[Integer.reverseBytes(in.readInt()) - Integer.BYTES];
            in.readFully(rest);
            // The rest of the header, the flags (4 bytes), the kind of the section (1 byte), the document.
            ByteBuf answer = Unpooled.wrappedBuffer(rest);
            answer.skipBytes(HEADER_BYTES - Integer.BYTES + Integer.BYTES + 1);
            return BsonDecoder.decodeBson(answer);
        }
    }

    private static byte[] question() {
        ByteBuf message = Unpooled.buffer();
        message.writeIntLE(0).writeIntLE(1).writeIntLE(0).writeIntLE(OP_MSG).writeIntLE(0).writeByte(0);
        BsonEncoder.encodeDocument(new Document(Map.of("hello", 1)).append("$db", "admin"), message);
        message.setIntLE(0, message.readableBytes());
        byte[] bytes = new byte[message.readableBytes()];
        message.readBytes(bytes);
        return bytes;
    }
}
